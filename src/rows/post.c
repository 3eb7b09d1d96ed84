/*
 * post.c
 *		Messages of new tasks, as rows.
 */
#include "rows/post.h"

#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/relation.h"
#include "base/state.h"
#include "base/uuid.h"
#include "rows/store.h"
#include "sdk/states.h"
#include "session/definition.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"

static int64
next_ready(void)
{
	return nextval_internal(CelExt.ready_seq, false);
}

typedef struct MessageRow
{
	Datum		values[MESSAGE_COLUMN_COUNT];
	bool		nulls[MESSAGE_COLUMN_COUNT];
} MessageRow;

static void
set_column(MessageRow *row, int number, Datum value, bool isnull)
{
	row->values[number - 1] = value;
	row->nulls[number - 1] = isnull;
}

static void
set_uuid(MessageRow *row, int number, const pg_uuid_t *id)
{
	set_column(row, number, UUIDPGetDatum(id), id == NULL);
}

static void
set_time(MessageRow *row, int number, TimestampTz when)
{
	set_column(row, number, TimestampTzGetDatum(when), when == 0);
}

/* All but id, args and ready, in which the messages of one call differ. */
static void
form_message(MessageRow *row, const SendRequest *r)
{
	memset(row->nulls, true, sizeof(row->nulls));
	set_column(row, Anum_message_name, CStringGetTextDatum(r->name), false);
	set_column(row, Anum_message_kwargs, JsonbPGetDatum(r->kwargs), false);
	set_column(row, Anum_message_queue, CStringGetTextDatum(r->queue), false);
	set_column(row, Anum_message_priority, Int16GetDatum(r->priority), false);
	set_column(row, Anum_message_state,
			   CStringGetTextDatum(celeriac_state_name(STATE_PENDING)), false);
	set_time(row, Anum_message_eta, r->eta);
	set_time(row, Anum_message_expires, r->expires);
	set_column(row, Anum_message_retries, Int32GetDatum(0), false);
	set_column(row, Anum_message_max_retries, Int32GetDatum(r->max_retries),
			   r->max_retries < 0);
	set_column(row, Anum_message_deliveries, Int32GetDatum(r->deliveries), false);
	set_column(row, Anum_message_waiting, Int32GetDatum(r->waiting), false);
	set_uuid(row, Anum_message_root_id, r->root_id);
	set_uuid(row, Anum_message_parent_id, r->parent_id);
	set_uuid(row, Anum_message_group_id, r->group_id);
	set_column(row, Anum_message_sent_by, CStringGetTextDatum(r->sent_by), false);
	set_time(row, Anum_message_sent_at, GetCurrentTimestamp());
	set_column(row, Anum_message_options, JsonbPGetDatum(r->options), r->options == NULL);
}

static bool
ready_now(const SendRequest *request)
{
	return request->waiting == 0 &&
		(request->eta == 0 || request->eta <= GetCurrentTimestamp());
}

static void
duplicate_id(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_DUPLICATE_TASK),
			 errmsg("task id %s is already in use", celeriac_uuid_text(id)),
			 errhint("Leave id out to have a new one made.")));
}

static uint64
insert_by_statement(CelStatement statement, const MessageRow *row)
{
	Datum		values[MESSAGE_COLUMN_COUNT];
	char		nulls[MESSAGE_COLUMN_COUNT];

	memcpy(values, row->values, sizeof(values));
	for (int i = 0; i < MESSAGE_COLUMN_COUNT; i++)
		nulls[i] = row->nulls[i] ? 'n' : ' ';
	return celeriac_exec(statement, values, nulls);
}

/*
 * A row with an id that a user gave goes to segment 0, whose primary key decides
 * between two transactions that insert the same id.  After its insert each looks
 * for the id in all other segments, with a snapshot taken after the insert.
 */
static void
insert_given(const MessageRow *row)
{
	Datum		id = row->values[Anum_message_id - 1];

	if (insert_by_statement(STMT_SEND_WITH_ID, row) == 0 ||
		celeriac_exec(STMT_ID_TAKEN, &id, NULL) > 0)
		duplicate_id(DatumGetUUIDP(id));
}

static void
insert_row(Store *store, const MessageRow *row)
{
	if (store != NULL)
		celeriac_store_put(store, row->values, row->nulls);
	else
		insert_by_statement(STMT_SEND, row);
}

static void
close_store(Store *store)
{
	if (store != NULL)
		celeriac_store_close(store);
}

static bool
is_given(const SendRequest *request)
{
	return request->id != NULL && !request->id_is_new;
}

static void
complete_row(MessageRow *row, const SendRequest *request, pg_uuid_t *id)
{
	bool		now = ready_now(request);

	if (request->id != NULL)
		*id = *request->id;
	else
		celeriac_uuid(id);
	form_message(row, request);
	set_uuid(row, Anum_message_id, id);
	set_column(row, Anum_message_args, JsonbPGetDatum(request->args), false);
	set_column(row, Anum_message_ready, Int64GetDatum(now ? next_ready() : 0), !now);
}

/* What is due so much later would only have to be moved. */
#define PARK_MS		60000

typedef enum Destination
{
	TO_CURRENT,					/* the current segment */
	TO_PARKED,					/* segment 0 */
	TO_GIVEN_ID,				/* segment 0, by SQL */
	DESTINATIONS
} Destination;

/* Asked more than once of a request, so the time is fixed. */
static Destination
destination(const SendRequest *request, TimestampTz now)
{
	if (is_given(request))
		return TO_GIVEN_ID;
	if (request->eta != 0 &&
		request->eta > TimestampTzPlusMilliseconds(now, PARK_MS))
		return TO_PARKED;
	return TO_CURRENT;
}

static Store *
open_destination(Destination where)
{
	switch (where)
	{
		case TO_CURRENT:
			return celeriac_store_messages();
		case TO_PARKED:
			return celeriac_store_parked_messages();
		default:
			return NULL;
	}
}

/* No SQL is run while the table is open, unless it has to be by SQL. */
static void
send_to(Destination where, const SendRequest *requests, int count,
		TimestampTz now, pg_uuid_t *ids)
{
	MessageRow	row;
	Store	   *store = NULL;
	bool		opened = false;

	for (int i = 0; i < count; i++)
	{
		if (destination(&requests[i], now) != where)
			continue;
		if (!opened)
			store = open_destination(where);
		opened = true;
		complete_row(&row, &requests[i], &ids[i]);
		if (where == TO_GIVEN_ID)
			insert_given(&row);
		else
			insert_row(store, &row);
	}
	close_store(store);
}

void
celeriac_send_batch(const SendRequest *requests, int count, pg_uuid_t *ids)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < count; i++)
		celeriac_queue_ensure(requests[i].queue);
	for (int where = 0; where < DESTINATIONS; where++)
		send_to(where, requests, count, now, ids);
}

void
celeriac_post_many(const SendRequest *request, ManySends *many)
{
	bool		now = ready_now(request);
	MessageRow	row;
	Store	   *store;

	if (many->count == 0)
		return;
	celeriac_queue_ensure(request->queue);
	form_message(&row, request);
	store = open_destination(destination(request, GetCurrentTimestamp()));
	for (int i = 0; i < many->count; i++)
	{
		set_uuid(&row, Anum_message_id, &many->ids[i]);
		set_column(&row, Anum_message_args, many->args[i], false);
		set_column(&row, Anum_message_ready, Int64GetDatum(now ? next_ready() : 0), !now);
		insert_row(store, &row);
		CHECK_FOR_INTERRUPTS();
	}
	close_store(store);
}
