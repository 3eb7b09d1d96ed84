/*
 * duty.c
 *		What a coordinator does when it wakes: due, lost, expired, old.
 *
 * Each duty runs in transactions of its own, of a bounded size, and says when
 * it will be due again.  A coordinator that dies in between leaves nothing
 * half done: the next one finds the same work in the tables, and lost claims
 * stay in shared memory until a transaction that dealt with them committed.
 *
 * Nothing that others do may hold up all of it: rows they keep locked are left
 * for later, and a duty that fails is tried again after a pause of its own.
 */
#include "duty.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "argument.h"
#include "bgw.h"
#include "blackbox.h"
#include "catalog.h"
#include "claim.h"
#include "definition.h"
#include "finish.h"
#include "guc.h"
#include "message.h"
#include "ready.h"
#include "repair.h"
#include "rotate.h"
#include "shmem.h"
#include "wake.h"
#include "worker.h"
#include "xact.h"

#define BATCH	1000

/* What is due but cannot be done yet is looked at again so much later. */
#define RETRY_MS	100

/* A scan of the whole table is not made more often than that. */
#define SCAN_MS		5000

/* A duty's transaction: begin, work, commit. Returns when it is due again. */
typedef TimestampTz (*DutyFunction) (void);

static TimestampTz
in_transaction(const char *activity, DutyFunction duty)
{
	CelContext	context;
	TimestampTz next;

	celeriac_bgw_begin(activity);
	celeriac_enter_worker(&context);
	next = duty();
	celeriac_leave(&context);
	celeriac_bgw_commit();
	return next;
}

static Datum
first_value(bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
}

/* The one timestamp a statement returns; NEVER when there is none. */
static TimestampTz
next_time(CelStatement statement)
{
	bool		isnull;
	Datum		value;

	if (celeriac_exec(statement, NULL, NULL) == 0)
		return NEVER;
	value = first_value(&isnull);
	return isnull ? NEVER : DatumGetTimestampTz(value);
}

/* What is due by now was passed over, because somebody holds it. */
static TimestampTz
next_try(TimestampTz due)
{
	return Max(due, celeriac_time_after_ms(RETRY_MS));
}

/* Delayed tasks whose time has come join the tail of their queue. */
static TimestampTz
make_due(void)
{
	Datum		limit = Int64GetDatum(BATCH);

	if (celeriac_exec(STMT_DUE, &limit, NULL) == BATCH)
		return GetCurrentTimestamp();
	return next_try(next_time(STMT_NEXT_DUE));
}

/*
 * Tasks found by a statement, claimed for this transaction.  A task that
 * somebody holds is his to deal with.
 */
static int
claim_found(uint64 rows, const char *state, const char *exc_type,
			const char *message, Outcome *outcomes)
{
	SPITupleTable *table = SPI_tuptable;
	int			count = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(table->vals[i], table->tupdesc, 1,
													 &isnull));

		celeriac_xact_reserve_claim();
		if (celeriac_claim_take(id, CLAIM_TRANSIENT, -1, 0, 0, NULL) != CLAIM_TAKEN)
			continue;
		celeriac_xact_claimed(id, true, "", 0, 0);
		celeriac_outcome_init(&outcomes[count++], id, state, exc_type, message);
	}
	return count;
}

/* Tasks that nobody began in time end as REVOKED. */
static TimestampTz
end_expired(void)
{
	Datum		limit = Int64GetDatum(BATCH);
	Outcome    *outcomes = palloc(BATCH * sizeof(Outcome));
	uint64		rows = celeriac_exec(STMT_EXPIRED, &limit, NULL);
	int			count = claim_found(rows, "REVOKED", "TaskRevokedError", "expired", outcomes);

	if (count > 0)
		celeriac_end_claimed(outcomes, count, false);
	if (rows == BATCH && count > 0)
		return GetCurrentTimestamp();
	return next_time(STMT_NEXT_EXPIRES);
}

/*
 * Leases that are over: the holder is presumed dead.  They are found along
 * the dispatch index, up to the highest order that was ever leased.
 */
static bool
end_leases_found(uint64 rows)
{
	Outcome    *outcomes = palloc((rows + 1) * sizeof(Outcome));
	int			count = claim_found(rows, CELERIAC_LOST, NULL, NULL, outcomes);

	if (count > 0)
		celeriac_end_lost(outcomes, count);
	pfree(outcomes);
	return count > 0;
}

static TimestampTz
end_leases_of(const ClaimedLevel *level)
{
	Datum		values[] = {
		CStringGetTextDatum(level->queue), Int16GetDatum(level->priority),
		Int64GetDatum(level->highest), Int64GetDatum(BATCH)
	};
	uint64		rows = celeriac_exec(STMT_LEASES_OVER, values, NULL);
	bool		ended = end_leases_found(rows);
	bool		isnull;
	Datum		next;

	if (rows == BATCH)
		return ended ? GetCurrentTimestamp() : next_try(0);
	celeriac_exec(STMT_NEXT_LEASE, values, NULL);
	next = first_value(&isnull);
	return isnull ? NEVER : next_try(DatumGetTimestampTz(next));
}

/* Where levels are not remembered, for the table of them is full. */
static TimestampTz
end_unwatched_leases(void)
{
	static TimestampTz next = 0;
	Datum		limit = Int64GetDatum(BATCH);

	if (GetCurrentTimestamp() < next)
		return next;
	(void) end_leases_found(celeriac_exec(STMT_UNWATCHED_OVER, &limit, NULL));
	return next = celeriac_time_after_ms(SCAN_MS);
}

static TimestampTz
end_leases(void)
{
	int			count;
	ClaimedLevel *levels = celeriac_ready_claimed_levels(&count);
	TimestampTz next = NEVER;

	for (int i = 0; i < count; i++)
		next = Min(next, end_leases_of(&levels[i]));
	if (celeriac_my_database()->unwatched)
		next = Min(next, end_unwatched_leases());
	return next;
}

/*
 * Claims whose session ended.  They are given back only when what became of
 * their tasks has committed.
 */
static void
split_lost(const Claim *claims, int count, Outcome *lost, int *nlost,
		   Outcome *limited, int *nlimited)
{
	*nlost = *nlimited = 0;
	for (int i = 0; i < count; i++)
	{
		const Claim *claim = &claims[i];
		Outcome    *o;

		if (claim->hard_limit)
		{
			o = &limited[(*nlimited)++];
			celeriac_outcome_init(o, &claim->key.id, "FAILURE", "TimeLimitExceeded",
								  "the task was stopped at its hard time limit");
		}
		else
		{
			o = &lost[(*nlost)++];
			celeriac_outcome_init(o, &claim->key.id, CELERIAC_LOST, NULL, NULL);
			o->not_begun = !claim->started;
		}
		o->delivery = claim->delivery;
		o->started_at = claim->started_at;
	}
}

/* Is the message, of this delivery, still there to be dealt with? */
static bool
delivery_exists(const Outcome *outcome)
{
	Datum		id = UUIDPGetDatum(&outcome->id);
	Datum		delivery = Int32GetDatum(outcome->delivery);
	Datum		values[] = {
		celeriac_uuid_array(&id, 1),
		PointerGetDatum(construct_array(&delivery, 1, INT4OID, sizeof(int32), true,
										TYPALIGN_INT))
	};

	return celeriac_exec(STMT_ATTACHABLE, values, NULL) > 0;
}

/* Or wait for others still, and is to end as soon as nobody has it locked? */
static bool
is_to_be_revoked(const Claim *claim)
{
	Datum		id = UUIDPGetDatum(&claim->key.id);
	Datum		param = celeriac_uuid_array(&id, 1);

	return claim->revoked && celeriac_exec(STMT_WAITING_ROOTS, &param, NULL) > 0;
}

/*
 * A claim whose message is locked stays lost; false = there are such.  One
 * whose message has ended, or was sent again under its id, is void.
 */
static bool
release_ended(const Claim *claims, int count, const Outcome *lost)
{
	bool		all = true;

	for (int i = 0; i < count; i++)
	{
		const Claim *claim = &claims[i];
		const Outcome *o = claim->hard_limit ? NULL : lost++;

		if (o == NULL || o->accepted ||
			(!delivery_exists(o) && !is_to_be_revoked(claim)))
			celeriac_xact_release(&claim->key.id, claim->serial);
		else
			all = false;
	}
	return all;
}

static TimestampTz
end_lost_claims(void)
{
	int			count;
	int			nlost;
	int			nlimited;
	Claim	   *claims;
	Outcome    *lost;
	Outcome    *limited;

	if (pg_atomic_read_u32(&CelShmem->nlost) == 0)
		return NEVER;
	claims = celeriac_claim_list(CLAIM_LOST, &count);
	lost = palloc((count + 1) * sizeof(Outcome));
	limited = palloc((count + 1) * sizeof(Outcome));
	split_lost(claims, count, lost, &nlost, limited, &nlimited);
	if (nlost > 0)
		celeriac_end_lost(lost, nlost);
	if (nlimited > 0)
		celeriac_end_claimed(limited, nlimited, false);
	return release_ended(claims, count, lost) ? NEVER : next_try(0);
}

/*
 * Results in segment 0 live for result_expires after their task ended, and
 * longer if a canvas waits for them.
 */
static TimestampTz
remove_old_results(void)
{
	Datum		values[] = {
		Float8GetDatum(celeriac_result_expires), Int64GetDatum(BATCH)
	};
	TimestampTz oldest;
	TimestampTz due;

	if (celeriac_result_expires == 0)
		return NEVER;
	if (celeriac_exec(STMT_OLD_RESULTS, values, NULL) == BATCH)
		return GetCurrentTimestamp();
	oldest = Min(next_time(STMT_OLDEST_RESULT), GetCurrentTimestamp());
	due = oldest + (TimestampTz) celeriac_result_expires * USECS_PER_SEC;
	return due > GetCurrentTimestamp() ? due : celeriac_time_after_ms(SCAN_MS);
}

/*
 * acks_late => false, begun before the server's restart, and nobody came back
 * to say he still runs it: once is over.
 */
static TimestampTz
end_unacked(void)
{
	CelDatabase *db = celeriac_my_database();
	uint64		rows;
	Outcome    *outcomes;
	int			count;

	if (db->attaching || db->unacked_ended)
		return NEVER;
	rows = celeriac_exec(STMT_UNACKED, NULL, NULL);
	outcomes = palloc((rows + 1) * sizeof(Outcome));
	count = claim_found(rows, CELERIAC_LOST, NULL, NULL, outcomes);
	if (count > 0)
		celeriac_end_lost(outcomes, count);
	db->unacked_ended = true;
	return NEVER;
}

static TimestampTz
mark_gone_workers(void)
{
	celeriac_workers_gone();
	return NEVER;
}

typedef struct Duty
{
	const char *activity;		/* NULL = it begins transactions itself */
	DutyFunction run;
} Duty;

static const Duty duties[] = {
	{"giving back lost tasks", end_lost_claims},
	{"ending tasks that run at most once", end_unacked},
	{"making delayed tasks ready", make_due},
	{"ending leases", end_leases},
	{"ending expired tasks", end_expired},
	{"removing old results", remove_old_results},
	{"noting workers that are gone", mark_gone_workers},
	{"looking through canvases", celeriac_repair},
	{NULL, celeriac_rotate_messages},
	{NULL, celeriac_rotate_results},
};

/* An error is reported, and this duty pauses; the others go on. */
static TimestampTz
run_duty(int number)
{
	static CelBackoff failures[lengthof(duties)];
	const Duty *duty = &duties[number];
	MemoryContext context = CurrentMemoryContext;
	volatile TimestampTz next = NEVER;

	if (celeriac_backoff_left(&failures[number]) > 0)
		return failures[number].until;
	PG_TRY();
	{
		next = duty->activity == NULL ? duty->run() :
			in_transaction(duty->activity, duty->run);
		celeriac_backoff_reset(&failures[number]);
	}
	PG_CATCH();
	{
		celeriac_bgw_recover();
		celeriac_backoff_fail(&failures[number]);
		next = failures[number].until;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return next;
}

/* The grace for workers to attach after a restart is over. */
static TimestampTz
end_attaching(void)
{
	CelDatabase *db = celeriac_my_database();
	TimestampTz end = TimestampTzPlusMilliseconds(CelShmem->started_at,
												  celeriac_attach_grace);

	if (!db->attaching)
		return NEVER;
	if (GetCurrentTimestamp() < end)
		return end;
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		if (CelShmem->workers[i].dboid == MyDatabaseId)
			CelShmem->workers[i].expected = false;
	}
	db->attaching = false;
	celeriac_wake_all(MyDatabaseId);
	return NEVER;
}

TimestampTz
celeriac_duty_run(void)
{
	TimestampTz next = end_attaching();

	/* whatever comes meanwhile must not find us believing in an old time */
	pg_atomic_write_u64(&celeriac_my_database()->next_due, (uint64) NEVER);
	for (int i = 0; i < lengthof(duties); i++)
		next = Min(next, run_duty(i));
	return next;
}

/*
 * What the last life of the server left: leases to watch, tasks that were to
 * run at most once and did, workers that may come back.
 */
static void
find_leases(void)
{
	uint64		rows = celeriac_exec(STMT_LEASE_LEVELS, NULL, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		HeapTuple	row = SPI_tuptable->vals[i];
		char	   *queue = SPI_getvalue(row, SPI_tuptable->tupdesc, 1);
		int			priority = DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
		int64		highest = DatumGetInt64(SPI_getbinval(row, SPI_tuptable->tupdesc, 3, &isnull));

		celeriac_ready_set_highest(queue, priority, highest);
	}
}

/* A task that took the server down has lost its worker, as far as it counts. */
static void
end_crashed(void)
{
	int			count;
	pg_uuid_t  *ids = celeriac_blackbox_crashed(&count);
	Datum	   *datums = palloc((count + 1) * sizeof(Datum));
	Outcome    *outcomes = palloc((count + 1) * sizeof(Outcome));
	Datum		param;

	for (int i = 0; i < count; i++)
		datums[i] = UUIDPGetDatum(&ids[i]);
	param = celeriac_uuid_array(datums, count);
	count = claim_found(celeriac_exec(STMT_UNLEASED, &param, NULL), CELERIAC_LOST,
						NULL, NULL, outcomes);
	if (count > 0)
		celeriac_end_lost(outcomes, count);
}

static TimestampTz
recover(void)
{
	CelDatabase *db = celeriac_my_database();

	end_crashed();
	find_leases();
	if (celeriac_workers_expected() == 0)
		db->attaching = false;
	return NEVER;
}

void
celeriac_duty_recover(void)
{
	CelDatabase *db = celeriac_my_database();

	if (db->recovered)
		return;
	(void) in_transaction("recovering", recover);
	db->recovered = true;
	celeriac_worker_attached(-1);
	if (!db->attaching)
		celeriac_wake_all(MyDatabaseId);
	else
		(void) end_attaching();
}

/*
 * Executors
 */
static List *
executor_queues(void)
{
	char	   *text = pstrdup(celeriac_queues);
	List	   *queues = NIL;

	(void) SplitGUCList(text, ',', &queues);
	return queues;
}

static bool executors_needed;

static TimestampTz
look_for_work(void)
{
	List	   *queues = executor_queues();
	ListCell   *cell;

	executors_needed = false;
	foreach(cell, queues)
	{
		QueueRef	queue = celeriac_queue_ref(lfirst(cell));

		if (celeriac_anything_ready(&queue, 1))
			executors_needed = true;
	}
	return NEVER;
}

bool
celeriac_duty_executors_needed(void)
{
	(void) in_transaction("looking for work of executors", look_for_work);
	return executors_needed;
}
