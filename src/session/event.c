/*
 * event.c
 *		State transitions announced by NOTIFY task_event while someone listens.
 *
 * An event is formatted when the transition happens and waits in xact.c for
 * the end of the transaction; what a rolled back part of it announced is
 * dropped there.  Before the commit the events are packed into JSON arrays,
 * as many to one notification as fit, so that a transaction takes NOTIFY's
 * cluster-wide lock once.
 *
 * Every field that can be long is clipped, as Celery clips its reprs, so that
 * one event always fits a notification.
 */
#include "session/event.h"

#include <sys/param.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "base/delivery.h"
#include "base/state.h"
#include "session/xact.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(task_events_enable);
PG_FUNCTION_INFO_V1(task_events_disable);
PG_FUNCTION_INFO_V1(task_events_auto);

/*
 * Limits in bytes, escapes included.  An event with every field at its limit
 * stays under MAX_PAYLOAD.
 */
#define MAX_NAME		512
#define MAX_REPR		1024
#define MAX_TRACEBACK	1536
#define MAX_EXTRA		512
#define MAX_INFO		4096

typedef enum EventsForced
{
	EVENTS_OFF = -1,
	EVENTS_AUTO = 0,
	EVENTS_ON = 1
} EventsForced;

/* the machine's name, asked for once by the postmaster */
static char host_name[MAXHOSTNAMELEN];

void
celeriac_event_init(void)
{
	if (gethostname(host_name, sizeof(host_name)) != 0)
		strlcpy(host_name, "localhost", sizeof(host_name));
	host_name[sizeof(host_name) - 1] = '\0';
}

bool
celeriac_events_wanted(void)
{
	CelDatabase *db = celeriac_my_database();

	if (db->events.forced != EVENTS_AUTO)
		return db->events.forced == EVENTS_ON;
	return pg_atomic_read_u32(&db->events.listeners) > 0;
}

static void
append_key(StringInfo buf, const char *key)
{
	appendStringInfo(buf, "%s\"%s\":", buf->len > 1 ? "," : "", key);
}

/*
 * A JSON string of about limit bytes at most.  Escapes lengthen the text by a
 * factor unknown beforehand, so a prefix that came out too long is shortened.
 */
static void
append_string(StringInfo buf, const char *key, const char *value, int limit)
{
	int			start;
	int			length;
	int			keep;

	if (value == NULL)
		return;
	append_key(buf, key);
	start = buf->len;
	length = strlen(value);
	for (keep = Min(length, limit);; keep = keep * 3 / 4)
	{
		keep = pg_mbcliplen(value, length, keep);
		escape_json(buf, keep == length ? value : pnstrdup(value, keep));
		if (buf->len - start <= limit + 2)
			break;
		buf->len = start;
	}
	if (keep < length)
	{
		buf->len--;
		appendStringInfoString(buf, "...\"");
	}
}

static void
append_json(StringInfo buf, const char *key, Jsonb *value)
{
	if (value != NULL)
		append_string(buf, key, JsonbToCString(NULL, &value->root, VARSIZE(value)),
					  MAX_REPR);
}

static void
append_uuid(StringInfo buf, const char *key, const pg_uuid_t *id)
{
	if (id != NULL)
		append_string(buf, key,
					  DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id))),
					  MAX_NAME);
}

/* ISO 8601, as Celery shows eta and expires */
static void
append_time(StringInfo buf, const char *key, TimestampTz when)
{
	char		text[MAXDATELEN + 1];

	if (when == 0 || TIMESTAMP_NOT_FINITE(when))
		return;
	JsonEncodeDateTime(text, TimestampTzGetDatum(when), TIMESTAMPTZOID, NULL);
	append_string(buf, key, text, MAX_NAME);
}

/* seconds since 1970 */
static void
append_epoch(StringInfo buf, const char *key, TimestampTz when)
{
	int64		usec = when +
		(int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY;

	append_key(buf, key);
	appendStringInfo(buf, INT64_FORMAT ".%06d", usec / USECS_PER_SEC,
					 (int) (usec % USECS_PER_SEC));
}

/* Python's convention: hours west of Greenwich */
static int
utc_offset(TimestampTz when)
{
	pg_time_t	seconds = timestamptz_to_time_t(when);
	struct pg_tm *tm = pg_localtime(&seconds, log_timezone);

	return tm == NULL ? 0 : (int) (-tm->tm_gmtoff / SECS_PER_HOUR);
}

/* The fields of every event; a sender that is no worker is named as Celery does. */
static void
append_envelope(StringInfo buf, const char *type, const char *worker,
				TimestampTz when)
{
	appendStringInfoChar(buf, '{');
	append_string(buf, "type", type, MAX_NAME);
	append_string(buf, "hostname",
				  worker ? worker : psprintf("gen%d@%s", MyProcPid, host_name),
				  MAX_NAME);
	append_key(buf, "pid");
	appendStringInfo(buf, "%d", MyProcPid);
	append_key(buf, "utcoffset");
	appendStringInfo(buf, "%d", utc_offset(when));
	append_epoch(buf, "timestamp", when);
}

static void
append_task(StringInfo buf, const TaskEvent *event)
{
	append_uuid(buf, "uuid", event->id);
	append_string(buf, "name", event->name, MAX_NAME);
	append_json(buf, "args", event->args);
	append_json(buf, "kwargs", event->kwargs);
	if (event->retries >= 0)
	{
		append_key(buf, "retries");
		appendStringInfo(buf, "%d", event->retries);
	}
	append_time(buf, "eta", event->eta);
	append_time(buf, "expires", event->expires);
	append_string(buf, "queue", event->queue, MAX_NAME);
	append_uuid(buf, "root_id", event->root_id);
	append_uuid(buf, "parent_id", event->parent_id);
}

static void
append_outcome(StringInfo buf, const TaskEvent *event)
{
	append_json(buf, "result", event->result);
	if (event->runtime >= 0)
	{
		append_key(buf, "runtime");
		appendStringInfo(buf, "%.6f", event->runtime);
	}
	append_string(buf, "exception", event->exception, MAX_REPR);
	append_string(buf, "traceback", event->traceback, MAX_TRACEBACK);
	if (event->extra != NULL && strlen(event->extra) <= MAX_EXTRA)
		appendStringInfo(buf, ",%s", event->extra);
}

void
celeriac_event_task(const TaskEvent *event)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_envelope(&buf, event->type, event->worker,
					event->timestamp ? event->timestamp : GetCurrentTimestamp());
	append_task(&buf, event);
	append_outcome(&buf, event);
	appendStringInfoChar(&buf, '}');
	celeriac_xact_event(buf.data);
	pfree(buf.data);
}

/* info: what the worker tells of itself, an object; left out when it is long */
void
celeriac_event_worker(const char *type, const char *worker, Jsonb *info)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_envelope(&buf, type, worker, GetCurrentTimestamp());
	if (info != NULL && JB_ROOT_IS_OBJECT(info) && JB_ROOT_COUNT(info) > 0)
	{
		char	   *text = JsonbToCString(NULL, &info->root, VARSIZE(info));

		/* the members of the object, without its brackets */
		text[strlen(text) - 1] = '\0';
		if (strlen(text) <= MAX_INFO)
			appendStringInfo(&buf, ",%s", text + 1);
	}
	appendStringInfoChar(&buf, '}');
	celeriac_xact_event(buf.data);
	pfree(buf.data);
}

/*
 * Celery's enable_events and disable_events, for this database until the server
 * restarts.
 */
static void
force_events(EventsForced forced)
{
	celeriac_my_database()->events.forced = forced;
}

Datum
task_events_enable(PG_FUNCTION_ARGS)
{
	force_events(EVENTS_ON);
	PG_RETURN_VOID();
}

Datum
task_events_disable(PG_FUNCTION_ARGS)
{
	force_events(EVENTS_OFF);
	PG_RETURN_VOID();
}

/* back to: while a session listens */
Datum
task_events_auto(PG_FUNCTION_ARGS)
{
	force_events(EVENTS_AUTO);
	PG_RETURN_VOID();
}

void
celeriac_announce_started(const char *worker, const pg_uuid_t *id, TimestampTz started_at)
{
	TaskEvent	event = {
		.type = celeriac_states[STATE_STARTED].event,
		.id = id,
		.worker = worker,
		.retries = -1,
		.runtime = -1,
		.timestamp = started_at
	};

	celeriac_event_task(&event);
}

void
celeriac_announce_received(const char *worker, const Delivery *deliveries,
						   int count)
{
	if (count == 0 || !celeriac_events_wanted())
		return;
	for (int i = 0; i < count; i++)
	{
		const Delivery *d = &deliveries[i];
		TaskEvent	event = {
			.type = celeriac_states[STATE_RECEIVED].event,
			.id = &d->id,
			.name = d->name,
			.queue = d->queue,
			.worker = worker,
			.args = d->args,
			.kwargs = d->kwargs,
			.retries = d->retries,
			.eta = d->eta,
			.expires = d->expires,
			.root_id = d->has_root ? &d->root_id : &d->id,
			.parent_id = d->has_parent ? &d->parent_id : NULL,
			.runtime = -1
		};

		celeriac_event_task(&event);
	}
}
