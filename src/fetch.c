/*
 * fetch.c
 *		task_fetch: claim what is ready; and task_wait, task_attach.
 *
 * One round of a fetch, per queue and from the highest priority down:
 *	1. read the level's position and epoch (ready.c), then take a snapshot;
 *	2. scan the dispatch index from the position on, and take the claim of
 *	   each candidate; one that somebody else holds is passed over;
 *	3. move the position behind what was seen;
 *	4. read the claimed rows again with a newer snapshot: one that was
 *	   finished between the snapshot and the claim is not there any more.
 * A lease then marks the rows; a session claim writes nothing.
 *
 * If the transaction aborts, xact.c gives the claims back and pushes the
 * positions back, so nothing is lost to a fetch whose answer never arrived.
 */
#include "delivery.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "argument.h"
#include "catalog.h"
#include "claim.h"
#include "compat.h"
#include "definition.h"
#include "errors.h"
#include "finish.h"
#include "message.h"
#include "ready.h"
#include "shmem.h"
#include "wake.h"
#include "worker.h"
#include "xact.h"

PG_FUNCTION_INFO_V1(task_fetch);
PG_FUNCTION_INFO_V1(task_wait);
PG_FUNCTION_INFO_V1(task_attach);

/* the most that one call may hand out */
#define MAX_FETCH	100000

/* a fetch of fewer would wait longer for its turn than it works in vain */
#define TURN_MIN	64

const Delivery *celeriac_current_task = NULL;

typedef struct FetchState
{
	const char *worker;
	int			worker_slot;
	double		lease;			/* seconds; < 0 = session claims */
	int			max;
	int			count;
	bool		no_room;		/* the table of claims is full: stop here */
	Delivery   *deliveries;
} FetchState;

/* Candidates of one level, claimed and not yet read again. */
typedef struct Candidates
{
	const char *queue;
	int			priority;
	int			count;
	pg_uuid_t  *ids;
	Datum	   *datums;
} Candidates;

static bool
leased(const FetchState *fetch)
{
	return fetch->lease >= 0;
}

static void
discover_levels(const char *queue)
{
	Datum		value = CStringGetTextDatum(queue);
	int			priorities[CELERIAC_MAX_PRIORITY + 1];
	int			count = Min(celeriac_exec(STMT_PRIORITIES, &value, NULL),
							CELERIAC_MAX_PRIORITY + 1);

	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		priorities[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
													SPI_tuptable->tupdesc, 1, &isnull));
	}
	celeriac_ready_discovered(queue, priorities, count);
}

/* When the table of levels is full they are found anew each time. */
static int
find_levels(const char *queue, ReadyLevel *levels)
{
	int			count;

	if (!celeriac_ready_levels(queue, levels, &count))
	{
		discover_levels(queue);
		if (!celeriac_ready_levels(queue, levels, &count))
			count = celeriac_ready_all_levels(levels);
	}
	return count;
}

/*
 * Claim the rows of one scan.  Returns the order of the last row seen, up to
 * which there is nothing more to claim.
 */
static int64
claim_rows(FetchState *fetch, Candidates *found, int wanted)
{
	SPITupleTable *rows = SPI_tuptable;
	int64		last = 0;

	for (uint64 i = 0; i < rows->numvals && found->count < wanted; i++)
	{
		bool		isnull;
		pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
		int64		ready = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));
		ClaimTaken	taken;

		celeriac_xact_reserve_claim();
		taken = celeriac_claim_take(id, leased(fetch) ? CLAIM_TRANSIENT : CLAIM_SESSION,
									fetch->worker_slot, 0, ready);
		fetch->no_room = (taken == CLAIM_NO_ROOM);
		if (fetch->no_room)
			break;
		last = ready;
		if (taken != CLAIM_TAKEN)
			continue;
		celeriac_xact_claimed(id, leased(fetch), found->queue, found->priority, ready);
		found->ids[found->count] = *id;
		found->datums[found->count] = UUIDPGetDatum(&found->ids[found->count]);
		found->count++;
	}
	return last;
}

/* Scan on until enough is claimed or the level has no more. */
static void
scan_level(FetchState *fetch, const char *queue, ReadyLevel *level,
		   Candidates *found)
{
	int			wanted = fetch->max - fetch->count;

	for (;;)
	{
		Datum		values[] = {
			CStringGetTextDatum(queue), Int16GetDatum(level->priority),
			Int64GetDatum(level->position), Int64GetDatum(wanted)
		};
		uint64		rows = celeriac_exec(STMT_FETCH_SCAN, values, NULL);
		SPITupleTable *table = SPI_tuptable;
		int64		last;

		if (rows == 0)
			return;
		last = claim_rows(fetch, found, wanted);
		SPI_freetuptable(table);
		celeriac_ready_advance(queue, level, last);
		level->position = last;
		if (found->count >= wanted || rows < wanted || fetch->no_room)
			return;
		CHECK_FOR_INTERRUPTS();
	}
}

/* Read the claimed rows again, newer than the claims; a lease marks them. */
static uint64
read_claimed(FetchState *fetch, Candidates *found)
{
	Datum		values[3] = {celeriac_uuid_array(found->datums, found->count)};

	if (!leased(fetch))
		return celeriac_exec(STMT_FETCH_READ, values, NULL);
	values[1] = CStringGetTextDatum(fetch->worker);
	values[2] = TimestampTzGetDatum(celeriac_time_after(fetch->lease));
	return celeriac_exec(STMT_FETCH_LEASE, values, NULL);
}

static bool
is_expired(const Delivery *d)
{
	return d->expires != 0 && d->expires <= GetCurrentTimestamp();
}

static bool
acks_early(const Delivery *d)
{
	bool		late;

	return celeriac_option_bool(d->options, "acks_late", &late) && !late;
}

/*
 * acks_late => false: durable before it starts.  A lease has done so already.
 */
static void
mark_early(FetchState *fetch, int first)
{
	Datum	   *ids = palloc((fetch->count - first + 1) * sizeof(Datum));
	int			count = 0;

	for (int i = first; i < fetch->count; i++)
	{
		if (acks_early(&fetch->deliveries[i]))
			ids[count++] = UUIDPGetDatum(&fetch->deliveries[i].id);
	}
	if (count > 0)
	{
		Datum		values[] = {celeriac_uuid_array(ids, count), CStringGetTextDatum(fetch->worker)};

		celeriac_exec(STMT_FETCH_MARK, values, NULL);
	}
	pfree(ids);
}

/*
 * Keep what is still there; the rest of the candidates was finished, or is
 * locked by someone who bypasses us: give those claims back.
 */
static void
accept_rows(FetchState *fetch, Candidates *found)
{
	uint64		rows = read_claimed(fetch, found);
	SPITupleTable *table = SPI_tuptable;
	Outcome    *expired = palloc((rows + 1) * sizeof(Outcome));
	int			nexpired = 0;
	int			first = fetch->count;

	for (uint64 i = 0; i < rows; i++)
	{
		Delivery   *d = &fetch->deliveries[fetch->count];

		celeriac_read_delivery(table, i, d);
		if (!leased(fetch))
			d->delivery++;
		if (is_expired(d))
		{
			celeriac_outcome_init(&expired[nexpired++], &d->id, "REVOKED",
								  "TaskRevokedError", "expired");
			continue;
		}
		if (!leased(fetch))
			celeriac_claim_set_delivery(&d->id, d->delivery);
		fetch->count++;
	}
	if (rows < found->count)
		celeriac_give_back_missing(found->ids, found->count, fetch->deliveries + first,
								   fetch->count - first, expired, nexpired);
	if (nexpired > 0)
		celeriac_end_claimed(expired, nexpired, !leased(fetch));
	if (!leased(fetch))
		mark_early(fetch, first);
	pfree(expired);
}

static void
fetch_level(FetchState *fetch, const char *queue, ReadyLevel *level)
{
	int			wanted = fetch->max - fetch->count;
	Candidates	found = {
		.queue = queue,
		.priority = level->priority,
		.ids = palloc(wanted * sizeof(pg_uuid_t)),
		.datums = palloc(wanted * sizeof(Datum))
	};

	if (wanted >= TURN_MIN)
		celeriac_ready_begin_turn(queue, level);
	scan_level(fetch, queue, level, &found);
	if (wanted >= TURN_MIN)
		celeriac_ready_end_turn(queue, level);
	if (found.count > 0)
		accept_rows(fetch, &found);
	pfree(found.ids);
	pfree(found.datums);
}

static void
fetch_queue(FetchState *fetch, const char *queue)
{
	ReadyLevel	levels[CELERIAC_MAX_PRIORITY + 1];
	int			count;

	if (celeriac_queue(queue)->paused)
		return;
	count = find_levels(queue, levels);
	for (int i = 0; i < count && fetch->count < fetch->max && !fetch->no_room; i++)
		fetch_level(fetch, queue, &levels[i]);
}

static void
count_fetched(FetchState *fetch)
{
	if (fetch->worker_slot >= 0)
		pg_atomic_fetch_add_u64(&CelShmem->workers[fetch->worker_slot].fetched,
								fetch->count);
}

/* Each call begins with another queue, so that none is starved. */
int
celeriac_fetch(const char *worker, const char *const *queues, int nqueues,
			   int max, double lease, Delivery **deliveries)
{
	static uint32 turn = 0;
	FetchState	fetch = {
		.worker = worker,
		.worker_slot = celeriac_worker_slot(worker),
		.lease = lease,
		.max = max,
		.deliveries = palloc_extended(max * sizeof(Delivery), MCXT_ALLOC_HUGE)
	};

	*deliveries = fetch.deliveries;
	if (!celeriac_dispatch_allowed())
		return 0;
	AcceptInvalidationMessages();	/* a pause since this transaction began */
	turn++;
	for (int i = 0; i < nqueues && fetch.count < max && !fetch.no_room; i++)
		fetch_queue(&fetch, queues[(turn + i) % nqueues]);
	count_fetched(&fetch);
	celeriac_announce_received(worker, fetch.deliveries, leased(&fetch) ? 0 : fetch.count);

	/* there may be more than one waiter can take: pass the wake-up on */
	if (fetch.count == max)
	{
		for (int i = 0; i < nqueues; i++)
			celeriac_wake_fetch(MyDatabaseId, celeriac_queue_hash(queues[i]), 1);
	}
	return fetch.count;
}

/*
 * SQL
 */
static void
require_queues(const char *const *queues, int nqueues)
{
	if (nqueues == 0 || nqueues > CEL_MAX_WAIT_QUEUES)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("queues must name between 1 and %d queues", CEL_MAX_WAIT_QUEUES)));
	for (int i = 0; i < nqueues; i++)
	{
		celeriac_require_queue_name(queues[i]);
		if (!celeriac_queue(queues[i])->known)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_UNKNOWN_QUEUE),
					 errmsg("queue \"%s\" does not exist", queues[i]),
					 errhint("A queue is created by the first task sent to it, or by task_queue_create.")));
	}
}

static TimestampTz
wait_deadline(Interval *wait)
{
	double		seconds = celeriac_interval_seconds(wait);

	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("wait must not be negative")));
	if (seconds > INT_MAX)
		return NEVER;
	return GetCurrentTimestamp() + (TimestampTz) (seconds * USECS_PER_SEC);
}

/*
 * Between two looks nothing is kept but the wait: what a look allocated goes
 * with the SPI connection.
 */
static int
fetch_or_wait(CelContext *context, FunctionCallInfo fcinfo, const char *worker,
			  const char *const *queues, int nqueues, int max, double lease,
			  TimestampTz deadline, Delivery **deliveries)
{
	int			count = celeriac_fetch(worker, queues, nqueues, max, lease, deliveries);

	if (count > 0 || deadline <= GetCurrentTimestamp())
		return count;
	celeriac_wait_fetch_begin(queues, nqueues, max);
	for (;;)
	{
		bool		again;

		pfree(*deliveries);
		count = celeriac_fetch(worker, queues, nqueues, max, lease, deliveries);
		if (count > 0)
			break;
		celeriac_leave(context);
		again = celeriac_wait_sleep(deadline);
		AcceptInvalidationMessages();
		celeriac_enter(context, fcinfo);
		if (!again)
			break;
	}
	celeriac_wait_end();
	return count;
}

static double
lease_seconds(FunctionCallInfo fcinfo, int number)
{
	double		seconds;

	if (PG_ARGISNULL(number))
		return -1;
	seconds = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(number));
	if (seconds <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("lease must be greater than zero"),
				 errhint("Pass NULL for claims that last as long as the session.")));
	return seconds;
}

/* task_fetch(worker, queues, max, wait, lease) */
Datum
task_fetch(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	const char *worker;
	char	  **queues;
	Delivery   *deliveries;
	int			nqueues;
	int			max;
	int			count;
	double		lease;

	for (int i = 0; i < 4; i++)
		celeriac_require_not_null(fcinfo, i, ((const char *[])
											  {"worker", "queues", "max", "wait"})[i]);
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	celeriac_require_worker_name(worker);
	max = PG_GETARG_INT32(2);
	if (max < 1 || max > MAX_FETCH)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("max must be between 1 and %d", MAX_FETCH)));
	lease = lease_seconds(fcinfo, 4);

	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	queues = celeriac_text_array(PG_GETARG_ARRAYTYPE_P(1), "queues", &nqueues);
	require_queues((const char *const *) queues, nqueues);
	if (lease < 0)
		celeriac_session_set_worker(celeriac_require_worker_slot(worker));
	count = fetch_or_wait(&context, fcinfo, worker, (const char *const *) queues, nqueues, max, lease,
						  wait_deadline(PG_GETARG_INTERVAL_P(3)), &deliveries);
	celeriac_leave(&context);
	for (int i = 0; i < count; i++)
	{
		celeriac_remember_delivery(worker, &deliveries[i]);
		celeriac_put_delivery(rsinfo, &deliveries[i]);
	}
	PG_RETURN_NULL();
}

/* Is anything there to fetch?  Takes no claim. */
bool
celeriac_anything_ready(const char *const *queues, int nqueues)
{
	if (!celeriac_dispatch_allowed())
		return false;
	for (int i = 0; i < nqueues; i++)
	{
		ReadyLevel	levels[CELERIAC_MAX_PRIORITY + 1];
		int			count;

		if (celeriac_queue(queues[i])->paused)
			continue;
		count = find_levels(queues[i], levels);
		for (int l = 0; l < count; l++)
		{
			Datum		values[] = {
				CStringGetTextDatum(queues[i]), Int16GetDatum(levels[l].priority),
				Int64GetDatum(levels[l].position), Int64GetDatum(1)
			};

			if (celeriac_exec(STMT_FETCH_SCAN, values, NULL) > 0)
				return true;
		}
	}
	return false;
}

/*
 * CALL task_wait(queues, timeout): as a procedure it can end its transaction
 * and sleep without a snapshot, so that a long wait holds nothing back.
 */
Datum
task_wait(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	bool		atomic = call == NULL || !IsA(call, CallContext) || call->atomic;
	CelContext	context;
	char	  **queues;
	int			nqueues;
	TimestampTz deadline;
	bool		found;

	celeriac_require_not_null(fcinfo, 0, "queues");
	celeriac_require_not_null(fcinfo, 1, "timeout");
	queues = celeriac_text_array(PG_GETARG_ARRAYTYPE_P(0), "queues", &nqueues);
	deadline = wait_deadline(PG_GETARG_INTERVAL_P(1));

	celeriac_enter(&context, fcinfo);
	require_queues((const char *const *) queues, nqueues);
	celeriac_wait_fetch_begin((const char *const *) queues, nqueues, MAX_FETCH);
	found = celeriac_anything_ready((const char *const *) queues, nqueues);
	celeriac_leave(&context);

	if (!found)
		celeriac_wait_without_snapshot(atomic, deadline);
	celeriac_wait_end();
	PG_RETURN_NULL();
}

static int
claim_attachable(uint64 rows, int slot, pg_uuid_t *claimed)
{
	SPITupleTable *table = SPI_tuptable;
	int			count = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		HeapTuple	row = table->vals[i];
		TupleDesc	desc = table->tupdesc;
		bool		isnull;
		pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(row, desc, 1, &isnull));
		int			delivery = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull));
		int64		ready = DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull));

		celeriac_xact_reserve_claim();
		if (celeriac_claim_take(id, CLAIM_SESSION, slot, delivery, ready) != CLAIM_TAKEN)
			continue;
		celeriac_xact_claimed(id, false, SPI_getvalue(row, desc, 3),
							  DatumGetInt32(SPI_getbinval(row, desc, 4, &isnull)), ready);
		claimed[count++] = *id;
	}
	return count;
}

/* Those that are as they were seen; the claims on others are given back. */
static void
put_attached(ReturnSetInfo *rsinfo, uint64 rows, int slot,
			 const pg_uuid_t *claimed, int count)
{
	SPITupleTable *table = SPI_tuptable;

	for (int c = 0; c < count; c++)
	{
		bool		isnull;
		bool		found = false;

		for (uint64 i = 0; i < rows && !found; i++)
			found = memcmp(&claimed[c], DatumGetUUIDP(SPI_getbinval(table->vals[i], table->tupdesc,
																	1, &isnull)),
						   UUID_LEN) == 0;
		if (found)
		{
			Datum		id = UUIDPGetDatum(&claimed[c]);

			isnull = false;
			celeriac_claim_started(&claimed[c], slot, GetCurrentTimestamp());
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
		}
		else
			celeriac_xact_unclaim(&claimed[c]);
	}
}

/*
 * task_attach(worker, ids, deliveries): session claims again, after the
 * connection or the server was lost, on what this worker still runs.  As in a
 * fetch, what was seen before the claim was taken is looked at again after.
 */
Datum
task_attach(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	const char *worker;
	int			slot;
	uint64		rows;
	Datum		values[2];
	pg_uuid_t  *claimed;
	int			count;

	celeriac_require_not_null(fcinfo, 0, "worker");
	celeriac_require_not_null(fcinfo, 1, "ids");
	celeriac_require_not_null(fcinfo, 2, "deliveries");
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	celeriac_require_worker_name(worker);
	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	slot = celeriac_require_worker_slot(worker);
	celeriac_session_set_worker(slot);
	values[0] = PG_GETARG_DATUM(1);
	values[1] = PG_GETARG_DATUM(2);
	rows = celeriac_exec(STMT_ATTACHABLE, values, NULL);
	claimed = palloc((rows + 1) * sizeof(pg_uuid_t));
	count = claim_attachable(rows, slot, claimed);
	rows = celeriac_exec(STMT_ATTACHABLE, values, NULL);
	put_attached(rsinfo, rows, slot, claimed, count);
	celeriac_leave(&context);
	celeriac_worker_attached(slot);
	PG_RETURN_NULL();
}
