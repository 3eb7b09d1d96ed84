/*
 * notify.c
 *		Events sent by NOTIFY, several in one.
 */
#include "session/notify.h"

#include "commands/async.h"
#include "lib/stringinfo.h"

/* the server's NOTIFY_PAYLOAD_MAX_LENGTH, less one */
#define MAX_PAYLOAD		7999

static void
notify(StringInfo payload)
{
	appendStringInfoChar(payload, ']');
	Async_Notify(CELERIAC_EVENT_CHANNEL, payload->data);
	resetStringInfo(payload);
}

void
celeriac_event_send(char *const *events, int count)
{
	StringInfoData payload;

	initStringInfo(&payload);
	for (int i = 0; i < count; i++)
	{
		if (payload.len > 0 && payload.len + strlen(events[i]) + 2 > MAX_PAYLOAD)
			notify(&payload);
		appendStringInfoChar(&payload, payload.len > 0 ? ',' : '[');
		appendStringInfoString(&payload, events[i]);
	}
	if (payload.len > 0)
		notify(&payload);
	pfree(payload.data);
}
