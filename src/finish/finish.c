/*
 * finish.c
 *		Applying outcomes: fence, decide, write.
 *
 * Fence: an outcome counts only from the worker and delivery number that hold
 * the claim, in shared memory (session claim) or in the row (a lease that is
 * not over).  Others are refused and counted.
 *
 * Decide: a success needs nothing but the delete and insert; the rest reads
 * its row first (and locks it), because retries, losses and limits count.
 *
 * Write: successes without SQL, as long as their rows are where the claims say
 * (direct.c); then three statements at most, for the others that end, those to
 * be tried again later, and those that go back to the queue.  Session claims
 * are given back when the transaction has committed; if it aborts, they stay,
 * and the worker may report again.
 */
#include "finish/finish.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "canvas/advance.h"
#include "base/check.h"
#include "session/identity.h"
#include "shmem/claim.h"
#include "base/column.h"
#include "base/compat.h"
#include "base/condition.h"
#include "rows/direct.h"
#include "base/errors.h"
#include "canvas/graph.h"
#include "rows/message.h"
#include "base/relation.h"
#include "finish/retry.h"
#include "canvas/rootlock.h"
#include "base/row.h"
#include "shmem/shmem.h"
#include "call/sqlmap.h"
#include "base/state.h"
#include "rows/store.h"
#include "shmem/turn.h"
#include "base/uuid.h"
#include "session/xact.h"

typedef enum Hold
{
	HOLD_NONE,
	HOLD_SESSION,
	HOLD_LEASE,
	HOLD_OWN					/* no fence: this transaction's claim */
} Hold;

typedef enum Action
{
	ACTION_REFUSE,
	ACTION_END,
	ACTION_REPLACE,
	ACTION_RETRY,
	ACTION_REQUEUE
} Action;

typedef struct Ending
{
	Outcome    *outcome;
	Hold		hold;
	Action		action;
	uint64		claim;			/* HOLD_SESSION: its serial */
	RowPlace	place;			/* and where the row was */
	bool		revoked;		/* somebody asked the claim's holder to stop */
	bool		have_row;
	bool		leased;			/* by a lease that is not over */
	bool		waiting;		/* for other tasks */
	Delivery	row;
	int			lost;			/* ACTION_REQUEUE: losses so far, 0 =
								 * unchanged */
	TimestampTz eta;			/* ACTION_RETRY */
} Ending;

void
celeriac_outcome_init(Outcome *outcome, const pg_uuid_t *id, const char *state,
					  const char *exc_type, const char *exc_message)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->id = *id;
	outcome->state = state;
	outcome->exc_type = exc_type;
	outcome->exc_message = exc_message;
	outcome->countdown = -1;
}

/*
 * Items by id, to find one by the id a statement returns.  Of several for one
 * id, the first is the one that may count: that of the highest delivery, since
 * no later one was ever handed out, and among equals the one reported first.
 */
static int
compare_ids(const Ending *a, const Ending *b)
{
	return memcmp(&a->outcome->id, &b->outcome->id, UUID_LEN);
}

static int
compare_items(const void *a, const void *b)
{
	const Ending *first = *(Ending *const *) a;
	const Ending *second = *(Ending *const *) b;
	int			order = compare_ids(first, second);

	if (order != 0)
		return order;
	if (first->outcome->delivery != second->outcome->delivery)
		return first->outcome->delivery > second->outcome->delivery ? -1 : 1;
	return first < second ? -1 : 1;
}

static Ending **
sort_items(Ending *items, int count)
{
	Ending	  **sorted = palloc_extended((count + 1) * sizeof(Ending *), MCXT_ALLOC_HUGE);

	for (int i = 0; i < count; i++)
		sorted[i] = &items[i];
	qsort(sorted, count, sizeof(Ending *), compare_items);
	return sorted;
}

/* The first of those with this id. */
static Ending *
find_item(Ending **sorted, int count, const pg_uuid_t *id)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (memcmp(&sorted[middle]->outcome->id, id, UUID_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < count && memcmp(&sorted[low]->outcome->id, id, UUID_LEN) == 0)
		return sorted[low];
	return NULL;
}

/*
 * Fence
 */
static void
fence_by_claim(Ending *item, int worker_slot)
{
	Claim		claim;

	if (!celeriac_claim_get(&item->outcome->id, &claim) || claim.kind != CLAIM_SESSION)
		return;
	if (worker_slot >= 0 && claim.worker == worker_slot &&
		claim.delivery == item->outcome->delivery)
	{
		item->hold = HOLD_SESSION;
		item->claim = claim.serial;
		item->place = claim.place;
		item->revoked = claim.revoked;
		if (item->outcome->started_at == 0)
			item->outcome->started_at = claim.started_at;
	}
}

static bool
needs_row(const Ending *item)
{
	if (item->hold == HOLD_NONE)
		return true;
	return strcmp(item->outcome->state, "SUCCESS") != 0;
}

static bool
is_leased(SPITupleTable *table, uint64 row)
{
	bool		isnull;
	Datum		value = SPI_getbinval(table->vals[row], table->tupdesc,
									  Anum_message_leased_until, &isnull);

	return !isnull && DatumGetTimestampTz(value) > GetCurrentTimestamp();
}

/* The lease must be this worker's, this delivery's, and not be over. */
static bool
lease_holds(SPITupleTable *table, uint64 row, const Ending *item, const char *worker)
{
	bool		isnull;
	Datum		value;

	if (!item->leased)
		return false;
	value = SPI_getbinval(table->vals[row], table->tupdesc, Anum_message_worker, &isnull);
	if (isnull || strcmp(TextDatumGetCString(value), worker) != 0)
		return false;
	return item->row.delivery == item->outcome->delivery;
}

static void
note_row(Ending **sorted, int count, SPITupleTable *table, uint64 row, const char *worker)
{
	bool		isnull;
	Datum		id = SPI_getbinval(table->vals[row], table->tupdesc, Anum_message_id, &isnull);
	Ending	   *item = find_item(sorted, count, DatumGetUUIDP(id));

	celeriac_read_delivery(table, row, &item->row);
	item->have_row = true;
	item->leased = is_leased(table, row);
	item->waiting = DatumGetInt32(SPI_getbinval(table->vals[row], table->tupdesc,
												Anum_message_waiting, &isnull)) > 0;
	(void) celeriac_option_bool(item->row.options, "revoked", &item->revoked);
	if (item->hold == HOLD_NONE && lease_holds(table, row, item, worker))
		item->hold = HOLD_LEASE;
}

/* Locks them; the statement says whether to wait for that.  True = some are missing. */
static bool
read_missing(CelStatement statement, Ending **sorted, int count, const char *worker)
{
	Datum	   *ids = palloc_extended((count + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	SPITupleTable *table;
	Datum		param;
	uint64		rows;
	int			wanted = 0;

	for (int i = 0; i < count; i++)
	{
		if (needs_row(sorted[i]) && !sorted[i]->have_row)
			ids[wanted++] = UUIDPGetDatum(&sorted[i]->outcome->id);
	}
	if (wanted == 0)
		return false;
	param = celeriac_uuid_array(ids, wanted);
	rows = celeriac_exec(statement, &param, NULL);
	table = SPI_tuptable;
	for (uint64 i = 0; i < rows; i++)
		note_row(sorted, count, table, i, worker);
	return rows < wanted;
}

/*
 * A statement that has waited for a row which is then moved to another segment
 * does not find it: it is new there.  The next one does; and such a row stays
 * where it is from then on.
 */
static void
read_rows(CelStatement statement, Ending **sorted, int count, const char *worker)
{
	if (read_missing(statement, sorted, count, worker))
		(void) read_missing(statement, sorted, count, worker);
}

/* A second outcome for one id in the same call is stale by definition. */
static void
refuse_doubles(Ending **sorted, int count)
{
	for (int i = 1; i < count; i++)
	{
		if (compare_ids(sorted[i - 1], sorted[i]) == 0)
			sorted[i]->hold = HOLD_NONE;
	}
}

/*
 * Decide
 */
static void
end_as(Ending *item, const char *state, const char *exc_type, const char *message)
{
	item->action = ACTION_END;
	item->outcome->state = state;
	item->outcome->result = NULL;
	item->outcome->exc_type = exc_type;
	item->outcome->exc_message = message;
}

static bool
retries_left(const Delivery *row)
{
	return row->max_retries == CELERIAC_NO_LIMIT || row->retries < row->max_retries;
}

static void
plan_retry(Ending *item)
{
	Outcome    *o = item->outcome;
	double		delay = o->countdown;

	if (delay < 0)
		delay = celeriac_retry_delay(celeriac_definition_of(&item->row),
									 item->row.retries);
	item->action = ACTION_RETRY;
	item->eta = celeriac_time_after(delay);
}

static void
decide_retry(Ending *item)
{
	Outcome    *o = item->outcome;

	if (retries_left(&item->row))
		plan_retry(item);
	else
		end_as(item, "FAILURE",
			   o->exc_type ? o->exc_type : "MaxRetriesExceededError",
			   o->exc_message ? o->exc_message :
			   psprintf("Can't retry %s[%s] after %d retries", item->row.name,
						celeriac_uuid_text(&o->id), item->row.retries));
}

static void
decide_failure(Ending *item)
{
	const Definition *def = celeriac_definition_of(&item->row);

	item->action = ACTION_END;
	if (retries_left(&item->row) &&
		celeriac_autoretry_matches(item->outcome->exc_type, def->autoretry_for,
								   def->nautoretry))
		plan_retry(item);
}

/* A poison task is not given to worker after worker for ever. */
static void
decide_lost(Ending *item)
{
	int			max_deliveries = celeriac_definition_of(&item->row)->max_deliveries;
	double		lost = 0;
	bool		late = !celeriac_acks_early(&item->row);

	(void) celeriac_option_number(item->row.options, "lost", &lost);
	item->lost = (int) Max(0, Min(lost, max_deliveries)) + 1;
	if (item->outcome->not_begun && late)
	{
		item->action = ACTION_REQUEUE;
		item->lost = 0;
	}
	else if (!late)
		end_as(item, "FAILURE", "WorkerLostError",
			   "the worker was lost while the task ran; acks_late is false, so it is not run again");
	else if (item->lost >= max_deliveries)
		end_as(item, "FAILURE", "WorkerLostError",
			   psprintf("the task lost its worker %d times", item->lost));
	else
		item->action = ACTION_REQUEUE;
}

/* Outside of SQL tasks nobody has looked at the signature yet. */
static void
decide_replaced(Ending *item)
{
	const char *error = celeriac_graph_refusal(item->outcome->result);

	item->action = ACTION_REPLACE;
	if (error != NULL)
		end_as(item, "FAILURE", "ImproperlyConfigured", error);
}

static void
decide(Ending *item)
{
	TaskState	state = celeriac_state(item->outcome->state);

	if (item->hold == HOLD_NONE)
	{
		item->action = ACTION_REFUSE;
		return;
	}
	item->action = ACTION_END;
	if (state == STATE_SUCCESS)
		return;
	if (!item->have_row)
		item->action = ACTION_REFUSE;
	else if (state == STATE_FAILURE)
		decide_failure(item);
	else if (state == STATE_RETRY)
		decide_retry(item);
	else if (state == STATE_PENDING)
		item->action = ACTION_REQUEUE;
	else if (strcmp(item->outcome->state, CELERIAC_LOST) == 0)
		decide_lost(item);
	else if (strcmp(item->outcome->state, CELERIAC_REPLACED) == 0)
		decide_replaced(item);
	if (item->revoked && item->action != ACTION_END && item->action != ACTION_REFUSE)
		end_as(item, "REVOKED", "TaskRevokedError", "revoked");
}

/*
 * Write
 */
enum
{
	END_ID, END_STATE, END_RESULT, END_EXC_TYPE, END_EXC_MESSAGE, END_TRACEBACK,
	END_STARTED_AT, END_WORKER, END_DELIVERY, END_COLUMNS
};

static void
put_end(Column *columns, int n, const Outcome *o, const char *worker)
{
	columns[END_ID].values[n] = UUIDPGetDatum(&o->id);
	celeriac_column_text(&columns[END_STATE], n, o->state);
	columns[END_RESULT].values[n] = JsonbPGetDatum(o->result);
	columns[END_RESULT].nulls[n] = (o->result == NULL);
	celeriac_column_text(&columns[END_EXC_TYPE], n, o->exc_type);
	celeriac_column_text(&columns[END_EXC_MESSAGE], n, o->exc_message);
	celeriac_column_text(&columns[END_TRACEBACK], n, o->traceback);
	columns[END_STARTED_AT].values[n] = TimestampTzGetDatum(o->started_at);
	columns[END_STARTED_AT].nulls[n] = (o->started_at == 0);
	celeriac_column_text(&columns[END_WORKER], n, worker);
	columns[END_DELIVERY].values[n] = Int32GetDatum(o->delivery);
}

/*
 * The results go to the current segment, unless only SQL does the tables
 * justice.
 */
static uint64
end_messages(Datum *values)
{
	Store	   *results = celeriac_store_results();
	uint64		rows;

	if (results == NULL)
		return celeriac_exec(STMT_FINISH, values, NULL);
	rows = celeriac_exec(STMT_TAKE_ENDED, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		Datum		row[Anum_result_options];
		bool		nulls[Anum_result_options];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row, nulls);
		celeriac_store_put(results, row, nulls);
	}
	celeriac_store_close(results);
	return rows;
}

uint64
celeriac_end_outcomes(Outcome *const *outcomes, int count, const char *worker,
					  TimestampTz done_at)
{
	static const Oid types[] = {
		UUIDOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT4OID
	};
	Column		columns[END_COLUMNS];
	Datum		values[END_COLUMNS + 1];

	for (int c = 0; c < END_COLUMNS; c++)
		columns[c] = celeriac_column(count);
	for (int i = 0; i < count; i++)
		put_end(columns, i, outcomes[i], worker);
	for (int c = 0; c < END_COLUMNS; c++)
		values[c] = celeriac_column_array(&columns[c], count, types[c]);
	values[END_COLUMNS] = TimestampTzGetDatum(done_at);
	return end_messages(values);
}

/* What ended in this call, by whichever way. */
typedef struct EndedList
{
	int			rows;
	int			count;			/* of them with options: items */
	Ended	   *items;
} EndedList;

static void
add_ended(EndedList *list, Ended ended)
{
	list->rows++;
	if (ended.options != NULL)
		list->items[list->count++] = ended;
}

/*
 * Successes, whose rows nobody has locked for us, in the order of their ids.
 * Where one does not fit the rest are left to the statement, which may wait:
 * it must not while we hold rows that come after the one it waits for.
 */
static void
end_directly(Ending **sorted, int count, const char *worker, TimestampTz done_at,
			 EndedList *list)
{
	DirectEnds *direct = NULL;

	for (int i = 0; i < count; i++)
	{
		Ending	   *item = sorted[i];
		Ended		ended;

		if (item->action != ACTION_END || item->have_row)
			continue;
		if (item->hold != HOLD_SESSION || item->place.segment < 0)
			break;
		if (direct == NULL && (direct = celeriac_direct_begin(worker, done_at)) == NULL)
			return;
		if (!celeriac_direct_end(direct, item->outcome, &item->place, &ended))
			break;
		item->outcome->accepted = true;
		add_ended(list, ended);
	}
	if (direct != NULL)
		celeriac_direct_done(direct);
}

/* The messages were there: their outcomes are applied. */
static void
accept_ended(Ending **sorted, int count, uint64 rows, EndedList *list)
{
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {table->vals[i], table->tupdesc};
		Ending	   *item = find_item(sorted, count, celeriac_row_uuid(&row, Anum_result_id));
		Ended		ended = {
			.outcome = item->outcome,
			.options = celeriac_row_jsonb(&row, Anum_result_options),
			.sent_by = celeriac_row_text(&row, Anum_result_sent_by),
			.root_id = celeriac_row_uuid(&row, Anum_result_root_id)
		};

		item->outcome->accepted = true;
		add_ended(list, ended);
	}
}

/* Those not ended yet; true = some are missing. */
static bool
end_missing(Ending **sorted, int count, const char *worker, TimestampTz done_at,
			EndedList *list)
{
	Outcome   **outcomes = palloc_extended((count + 1) * sizeof(Outcome *), MCXT_ALLOC_HUGE);
	uint64		rows;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->action == ACTION_END && !sorted[i]->outcome->accepted)
			outcomes[n++] = sorted[i]->outcome;
	}
	if (n == 0)
		return false;
	rows = celeriac_end_outcomes(outcomes, n, worker, done_at);
	accept_ended(sorted, count, rows, list);
	return rows < n;
}

/* Twice for those that were moved meanwhile, as in read_rows. */
static void
end_by_statement(Ending **sorted, int count, const char *worker, TimestampTz done_at,
				 EndedList *list)
{
	if (end_missing(sorted, count, worker, done_at, list))
		(void) end_missing(sorted, count, worker, done_at, list);
}

/* Their messages go; what takes their place comes when the canvas is locked. */
static void
take_replaced(Ending **sorted, int count, EndedList *list)
{
	Column		ids = celeriac_column(count);
	Column		deliveries = celeriac_column(count);
	Datum		values[2];
	uint64		rows;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->action != ACTION_REPLACE)
			continue;
		ids.values[n] = UUIDPGetDatum(&sorted[i]->outcome->id);
		deliveries.values[n++] = Int32GetDatum(sorted[i]->outcome->delivery);
	}
	if (n == 0)
		return;
	values[0] = celeriac_column_array(&ids, n, UUIDOID);
	values[1] = celeriac_column_array(&deliveries, n, INT4OID);
	rows = celeriac_exec(STMT_TAKE_REPLACED, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc};
		Ending	   *item = find_item(sorted, count, celeriac_row_uuid(&row, 1));

		item->outcome->accepted = true;
		list->items[list->count++] = (Ended) {
			.outcome = item->outcome,
			.options = item->row.options,
			.sent_by = item->row.sent_by,
			.root_id = item->row.has_root ? &item->row.root_id : NULL,
			.replaced = &item->row
		};
		list->rows++;
	}
}

/* Returns how many ended; what follows from that is done. */
static int
write_ended(Ending **sorted, int count, const char *worker)
{
	TimestampTz done_at = GetCurrentTimestamp();
	EndedList	list = {
		.items = palloc_extended((count + 1) * sizeof(Ended), MCXT_ALLOC_HUGE)
	};

	if (worker != NULL)
		end_directly(sorted, count, worker, done_at, &list);
	end_by_statement(sorted, count, worker, done_at, &list);
	take_replaced(sorted, count, &list);
	celeriac_advance(list.items, list.count);
	return list.rows;
}

static void
accept_rows(Ending **sorted, int count, uint64 rows)
{
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);

		find_item(sorted, count, DatumGetUUIDP(id))->outcome->accepted = true;
	}
}

static void
write_retries(Ending **sorted, int count)
{
	Column		ids = celeriac_column(count);
	Column		etas = celeriac_column(count);
	Column		deliveries = celeriac_column(count);
	Column		types = celeriac_column(count);
	Column		messages = celeriac_column(count);
	Datum		values[5];
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		Ending	   *item = sorted[i];

		if (item->action != ACTION_RETRY)
			continue;
		ids.values[n] = UUIDPGetDatum(&item->outcome->id);
		etas.values[n] = TimestampTzGetDatum(item->eta);
		deliveries.values[n] = Int32GetDatum(item->outcome->delivery);
		celeriac_column_text(&types, n, item->outcome->exc_type);
		celeriac_column_text(&messages, n, item->outcome->exc_message);
		n++;
	}
	if (n == 0)
		return;
	values[0] = celeriac_column_array(&ids, n, UUIDOID);
	values[1] = celeriac_column_array(&etas, n, TIMESTAMPTZOID);
	values[2] = celeriac_column_array(&deliveries, n, INT4OID);
	values[3] = celeriac_column_array(&types, n, TEXTOID);
	values[4] = celeriac_column_array(&messages, n, TEXTOID);
	accept_rows(sorted, count, celeriac_exec(STMT_RETRY, values, NULL));
}

static void
write_requeued(Ending **sorted, int count)
{
	Column		ids = celeriac_column(count);
	Column		deliveries = celeriac_column(count);
	Column		lost = celeriac_column(count);
	Datum		values[3];
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->action != ACTION_REQUEUE)
			continue;
		ids.values[n] = UUIDPGetDatum(&sorted[i]->outcome->id);
		deliveries.values[n] = Int32GetDatum(sorted[i]->outcome->delivery);
		lost.values[n] = Int32GetDatum(sorted[i]->lost);
		n++;
	}
	if (n == 0)
		return;
	values[0] = celeriac_column_array(&ids, n, UUIDOID);
	values[1] = celeriac_column_array(&deliveries, n, INT4OID);
	values[2] = celeriac_column_array(&lost, n, INT4OID);
	accept_rows(sorted, count, celeriac_exec(STMT_REQUEUE, values, NULL));
}

/* A claim whose message is gone (purged, say) is of no use to anyone either. */
static int
release_accepted(Ending *items, int count)
{
	int			accepted = 0;

	for (int i = 0; i < count; i++)
	{
		if (items[i].outcome->accepted)
			accepted++;
		if (items[i].hold == HOLD_SESSION)
			celeriac_xact_release(&items[i].outcome->id, items[i].claim);
	}
	return accepted;
}

static void
count_outcomes(int slot, const Ending *items, int count, int accepted)
{
	CelWorker  *worker = slot < 0 ? NULL : &CelShmem->workers[slot];

	if (accepted < count)
		pg_atomic_fetch_add_u64(&celeriac_my_database()->stale_outcomes, count - accepted);
	if (worker == NULL)
		return;
	for (int i = 0; i < count; i++)
	{
		if (!items[i].outcome->accepted)
			pg_atomic_fetch_add_u64(&worker->stale, 1);
		else if (items[i].action == ACTION_RETRY)
			pg_atomic_fetch_add_u64(&worker->retried, 1);
		else if (strcmp(items[i].outcome->state, "SUCCESS") == 0)
			pg_atomic_fetch_add_u64(&worker->succeeded, 1);
		else if (strcmp(items[i].outcome->state, "FAILURE") == 0)
			pg_atomic_fetch_add_u64(&worker->failed, 1);
	}
}

static Ending *
new_items(Outcome *outcomes, int count, Hold hold)
{
	Ending	   *items = palloc_extended((count + 1) * sizeof(Ending),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < count; i++)
	{
		items[i].outcome = &outcomes[i];
		items[i].hold = hold;
		outcomes[i].accepted = false;
	}
	return items;
}

int
celeriac_finish(const char *worker, Outcome *outcomes, int count)
{
	int			slot = celeriac_worker_slot(worker);
	Ending	   *items = new_items(outcomes, count, HOLD_NONE);
	Ending	  **sorted = sort_items(items, count);
	TimestampTz began = GetCurrentTimestamp();
	int			accepted;

	for (int i = 0; i < count; i++)
		fence_by_claim(&items[i], slot);
	refuse_doubles(sorted, count);
	read_rows(STMT_READ_ROW, sorted, count, worker);
	refuse_doubles(sorted, count);
	for (int i = 0; i < count; i++)
		decide(&items[i]);
	write_ended(sorted, count, worker);
	write_retries(sorted, count);
	write_requeued(sorted, count);
	accepted = release_accepted(items, count);
	count_outcomes(slot, items, count, accepted);
	if (count >= TURN_MIN)
		celeriac_turn_effort(began);
	return accepted;
}

uint64
celeriac_end_claimed(Outcome *outcomes, int count, bool give_back)
{
	Ending	   *items = new_items(outcomes, count, HOLD_OWN);
	Ending	  **sorted = sort_items(items, count);
	const pg_uuid_t **ids = palloc_extended((count + 1) * sizeof(pg_uuid_t *),
											MCXT_ALLOC_HUGE);
	uint64		rows;

	for (int i = 0; i < count; i++)
	{
		items[i].action = ACTION_END;
		ids[i] = &outcomes[i].id;
	}
	celeriac_rootlock_waiting(ids, count);
	rows = write_ended(sorted, count, NULL);
	for (int i = 0; give_back && i < count; i++)
	{
		Claim		claim;

		if (celeriac_claim_get(&outcomes[i].id, &claim))
			celeriac_xact_release(&outcomes[i].id, claim.serial);
	}
	return rows;
}

/*
 * Asked when the row is locked: whoever reported on the task before its claim
 * was lost has committed, given back the claim, and perhaps another worker has
 * the task again.
 */
static bool
still_lost(const Outcome *outcome, const Claim *claim)
{
	if (claim->kind == CLAIM_TRANSIENT)
		return claim->session == CELERIAC_MY_SLOT;
	return claim->kind == CLAIM_LOST && claim->delivery == outcome->delivery;
}

/*
 * What waits for others had been begun in a transaction that made it ready, and
 * was rolled back: it is begun again when they have ended.
 */
void
celeriac_end_lost(Outcome *outcomes, int count)
{
	Ending	   *items = new_items(outcomes, count, HOLD_OWN);
	Ending	  **sorted = sort_items(items, count);

	read_rows(STMT_READ_ROW_FREE, sorted, count, "");
	for (int i = 0; i < count; i++)
	{
		Claim		claim;

		if (items[i].leased || !celeriac_claim_get(&outcomes[i].id, &claim) ||
			!still_lost(&outcomes[i], &claim))
			items[i].hold = HOLD_NONE;
		else if (claim.revoked)
			items[i].revoked = true;
		if (items[i].waiting && !items[i].revoked)
			items[i].hold = HOLD_NONE;
		decide(&items[i]);
	}
	write_ended(sorted, count, NULL);
	write_requeued(sorted, count);
}
