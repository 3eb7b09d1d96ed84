/*
 * revoke.c
 *		task_revoke and task_purge.
 *
 * Revoke takes part as a claimer: whoever holds the claim decides.  A task
 * that nobody holds ends here and now.  One under a session claim is its
 * worker's to end: the claim is marked, and the worker told, by NOTIFY on its
 * own channel (rare, so its lock at commit does not matter), or an executor
 * by signal, once we have committed.  Anyone may NOTIFY, so a pool takes it as a hint only, and asks
 * what the claim says (task_revocation).  One under a lease has a holder that cannot be reached; with
 * terminate it ends here, and the holder's outcome will be refused.
 */
#include "celeriac.h"

#include <signal.h>

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "common/md5.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "advance.h"
#include "argument.h"
#include "attempt.h"
#include "catalog.h"
#include "claim.h"
#include "errors.h"
#include "finish.h"
#include "message.h"
#include "relation.h"
#include "result.h"
#include "revoke.h"
#include "rootlock.h"
#include "row.h"
#include "sdk/shared.h"
#include "shmem.h"
#include "uuid.h"
#include "xact.h"

PG_FUNCTION_INFO_V1(task_revoke);
PG_FUNCTION_INFO_V1(task_revoke_many);
PG_FUNCTION_INFO_V1(task_revocation);
PG_FUNCTION_INFO_V1(task_purge);

#define SIGNAL_NAME(name) #name,
static const char *const signals[] = {
	CELERIAC_SIGNALS(SIGNAL_NAME)
};

static const char *
signal_name(const char *name)
{
	const char *bare = pg_strncasecmp(name, "SIG", 3) == 0 ? name + 3 : name;

	for (int i = 0; i < lengthof(signals); i++)
	{
		if (pg_strcasecmp(bare, signals[i]) == 0)
			return signals[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("\"%s\" is not the name of a signal", name),
			 errhint("One of TERM, KILL, INT, QUIT, HUP, ABRT, ALRM, USR1, USR2.")));
	return NULL;
}

/* A worker LISTENs to this channel; its name may be too long to be one. */
static char *
worker_channel(const char *worker)
{
	char		digest[33];		/* 32 hexadecimal digits */
	const char *error = NULL;

	if (!pg_md5_hash(worker, strlen(worker), digest, &error))
		elog(ERROR, "could not hash a worker's name: %s", error);
	return psprintf("%s%s", CELERIAC_WORKER_CHANNEL, digest);
}

static void
tell_worker(const char *worker, const pg_uuid_t *id, bool terminate,
			const char *signal)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfo(&payload,
					 "{\"command\":\"revoke\",\"id\":\"%s\",\"terminate\":%s,\"signal\":\"%s\"}",
					 celeriac_uuid_text(id), terminate ? "true" : "false", signal);
	Async_Notify(worker_channel(worker), payload.data);
}

/*
 * The executor cancels only if this is still the task it runs: it compares
 * current with cancel in its signal handler.
 */
void
celeriac_cancel_executor(int slot, const pg_uuid_t *id)
{
	CelSession *session = &CelShmem->sessions[slot];

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	if (session->pid != 0 &&
		memcmp(&session->current, id, sizeof(pg_uuid_t)) == 0)
	{
		session->cancel = *id;
		kill(session->pid, SIGINT);
	}
	LWLockRelease(CelShmem->lock);
}

static bool
revoke_held(const pg_uuid_t *id, bool terminate, const char *signal)
{
	Claim		claim;

	if (!celeriac_xact_revoke(id, terminate ? signal : NULL, &claim))
		return false;
	if (claim.kind == CLAIM_SESSION && !CelShmem->sessions[claim.session].executor)
		tell_worker(CelShmem->workers[claim.worker].name, id, terminate, signal);
	return true;
}

static void
end_revoked(const pg_uuid_t *id, const char *reason)
{
	Outcome		outcome;

	celeriac_outcome_init(&outcome, id, "REVOKED", "TaskRevokedError", reason);
	celeriac_end_claimed(&outcome, 1, false);
}

static Datum
one_id(const pg_uuid_t *id)
{
	Datum		value = UUIDPGetDatum(id);

	return celeriac_uuid_array(&value, 1);
}

static char *
leased_state(SPITupleTable *row)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row->vals[0], row->tupdesc, Anum_message_leased_until, &isnull);

	if (isnull || DatumGetTimestampTz(value) <= GetCurrentTimestamp())
		return NULL;
	return TextDatumGetCString(SPI_getbinval(row->vals[0], row->tupdesc, Anum_message_state, &isnull));
}

/* This transaction holds the claim. */
static bool
revoke_claimed(const pg_uuid_t *id, bool terminate, const char *signal)
{
	Datum		param = one_id(id);
	Delivery	row;
	SPITupleTable *table;
	const char *state;
	bool		isnull;

	celeriac_rootlock_waiting(&id, 1);
	if (celeriac_exec(STMT_READ_ROW, &param, NULL) == 0)
		return false;
	table = SPI_tuptable;
	celeriac_read_delivery(table, 0, &row);
	celeriac_xact_claim_place(id, row.queue, row.priority, row.ready);
	state = leased_state(table);
	if (state == NULL || strcmp(state, "RECEIVED") == 0)
		end_revoked(id, "revoked");
	else if (terminate)
	{
		Datum		worker = SPI_getbinval(table->vals[0], table->tupdesc, Anum_message_worker, &isnull);

		tell_worker(TextDatumGetCString(worker), id, true, signal);
		end_revoked(id, "terminated");
	}
	else
		celeriac_exec(STMT_MARK_REVOKED, &param, NULL);
	return true;
}

static void
lock_row(void *id)
{
	Datum		param = one_id(id);

	celeriac_exec(STMT_READ_ROW, &param, NULL);
}

/*
 * Someone else decides on this task right now, in a transaction that has not
 * ended: wait for its row lock, then look again.  Our own lock is let go of at
 * once, by rolling it back: who took the claim but not yet the lock would wait
 * for us, and we for the claim, unseen by the server's check for deadlocks.
 */
static void
wait_for_decider(const pg_uuid_t *id)
{
	celeriac_do_and_undo(lock_row, unconstify(pg_uuid_t *, id));
	CHECK_FOR_INTERRUPTS();
	pg_usleep(1000);
}

static bool
claim_to_revoke(const pg_uuid_t *id)
{
	ClaimTaken	taken;

	celeriac_xact_reserve_claim();
	taken = celeriac_claim_take(id, CLAIM_TRANSIENT, -1, 0, 0, NULL);
	if (taken == CLAIM_NO_ROOM)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another claim"),
				 errhint("Try again, or raise celeriac.max_claims and restart the server.")));
	if (taken == CLAIM_TAKEN)
		celeriac_xact_claimed(id, true, "", 0, 0);
	return taken == CLAIM_TAKEN;
}

static void
require_right(const pg_uuid_t *id, Oid role, TaskStatus *status)
{
	celeriac_task_status(id, role, status);
	if (!status->known)
		celeriac_unknown_task(id);
	if (!celeriac_may_change(role, status))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to revoke task %s", celeriac_uuid_text(id)),
				 errdetail("Another role sent it, and yours is not a member of celeriac_admin.")));
}

static bool
revoke_one(const pg_uuid_t *id, Oid role, bool terminate, const char *signal)
{
	for (;;)
	{
		TaskStatus	status;

		require_right(id, role, &status);
		if (status.finished)
			return false;
		if (revoke_held(id, terminate, signal))
			return true;
		if (celeriac_xact_holds(id) || claim_to_revoke(id))
			return revoke_claimed(id, terminate, signal);
		wait_for_decider(id);
	}
}

/*
 * All of a canvas, from its root, or all of a group.  Under the lock of the root
 * nothing of it can come to be runnable; but a finisher of one of its tasks has
 * its row, and may be waiting for that lock.  So under it no row and no claim is
 * waited for: if somebody has one, all is let go of, the lock too, until he has
 * ended, and then tried again.
 *
 * Those who fetch and finish without a pause could keep that up for long.  Then
 * it is done in two steps, waiting: first what can run, and under the lock what
 * waits, and what has become ready meanwhile.  If that makes a circle, the server
 * finds it.
 */
#define MAX_TRIES	20

typedef struct Whole
{
	const pg_uuid_t *id;
	const pg_uuid_t *root;
	bool		any;
	bool		free;			/* nobody else has any of it */
	pg_uuid_t	blocked;		/* else one that somebody has */
	CelStatement members;
	HTAB	   *seen;			/* those whose workers were told */
	Oid			role;
	bool		terminate;
	const char *signal;
} Whole;

static bool
whole_of(Whole *whole, pg_uuid_t *root)
{
	Datum		param = UUIDPGetDatum(whole->id);
	Row			row;
	bool		is_root;

	if (celeriac_exec(STMT_CANVAS_PART, &param, NULL) == 0)
		return false;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	*root = *celeriac_row_uuid(&row, 1);
	is_root = celeriac_row_bool(&row, 2, false);
	whole->members = is_root ? STMT_CANVAS_OF_ROOT : STMT_CANVAS_OF_GROUP;
	return is_root || celeriac_row_bool(&row, 3, false);
}

/* Those nobody holds end together. */
static bool
revoke_runnable(const Whole *whole, const pg_uuid_t **ids, const bool *leased, int count)
{
	Outcome    *outcomes = palloc_extended((count + 1) * sizeof(Outcome), MCXT_ALLOC_HUGE);
	bool		any = false;
	int			free = 0;

	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (hash_search(whole->seen, ids[i], HASH_FIND, NULL) != NULL)
			continue;
		if (leased[i])
			any |= revoke_one(ids[i], whole->role, whole->terminate, whole->signal);
		else if (revoke_held(ids[i], whole->terminate, whole->signal))
		{
			(void) hash_search(whole->seen, ids[i], HASH_ENTER, NULL);
			any = true;
		}
		else if (celeriac_xact_holds(ids[i]) || claim_to_revoke(ids[i]))
			celeriac_outcome_init(&outcomes[free++], ids[i], "REVOKED", "TaskRevokedError",
								  "revoked");
		else
			any |= revoke_one(ids[i], whole->role, whole->terminate, whole->signal);
	}
	return celeriac_end_claimed(outcomes, free, false) > 0 || any;
}

/* True when there was anything: look again. */
static bool
revoke_pass(const Whole *whole, bool waiting_too, bool *any)
{
	Datum		param = UUIDPGetDatum(whole->id);
	uint64		rows = celeriac_exec(whole->members, &param, NULL);
	SPITupleTable *table = SPI_tuptable;
	Outcome    *waiting = palloc_extended((rows + 1) * sizeof(Outcome), MCXT_ALLOC_HUGE);
	const pg_uuid_t **ids = palloc_extended((rows + 1) * sizeof(pg_uuid_t *), MCXT_ALLOC_HUGE);
	bool	   *leased = palloc_extended((rows + 1) * sizeof(bool), MCXT_ALLOC_HUGE);
	int			nwaiting = 0;
	int			nrunnable = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = table->vals[i], .desc = table->tupdesc};

		if (celeriac_row_bool(&row, 2, false))
			celeriac_outcome_init(&waiting[nwaiting++], celeriac_row_uuid(&row, 1),
								  "REVOKED", "TaskRevokedError", "revoked");
		else
		{
			leased[nrunnable] = celeriac_row_bool(&row, 3, false);
			ids[nrunnable++] = celeriac_row_uuid(&row, 1);
		}
	}
	if (waiting_too && nwaiting > 0)
		*any |= celeriac_end_claimed(waiting, nwaiting, false) > 0;
	*any |= revoke_runnable(whole, ids, leased, nrunnable);
	return waiting_too && nwaiting > 0;
}

static void
revoke_under_lock(Whole *whole)
{
	celeriac_rootlock(&whole->root, 1);
	while (revoke_pass(whole, true, &whole->any))
		CHECK_FOR_INTERRUPTS();
}

/* The holder of such a claim only has to be told. */
static bool
is_held(const pg_uuid_t *id)
{
	Claim		claim;

	return celeriac_claim_get(id, &claim) && claim.kind != CLAIM_TRANSIENT;
}

/* All rows, unless somebody has one: then that is blocked. */
static bool
lock_free_rows(Whole *whole, Datum *ids, int count)
{
	Datum		param = celeriac_uuid_array(ids, count);
	uint64		rows = celeriac_exec(STMT_READ_ROW_FREE, &param, NULL);

	for (int i = 0; i < count; i++)
	{
		Row			row = {.desc = SPI_tuptable->tupdesc};

		if (i < rows)
			row.tuple = SPI_tuptable->vals[i];
		if (i < rows &&
			memcmp(celeriac_row_uuid(&row, 1), DatumGetUUIDP(ids[i]), UUID_LEN) == 0)
			continue;
		whole->blocked = *DatumGetUUIDP(ids[i]);
		return false;
	}
	return true;
}

/* Both statements give them in the order of their ids. */
static bool
take_all(Whole *whole)
{
	Datum		param = UUIDPGetDatum(whole->id);
	uint64		rows = celeriac_exec(whole->members, &param, NULL);
	SPITupleTable *table = SPI_tuptable;
	Datum	   *ids = palloc_extended((rows + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	int			count = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = table->vals[i], .desc = table->tupdesc};
		pg_uuid_t  *id = celeriac_row_uuid(&row, 1);
		bool		waiting = celeriac_row_bool(&row, 2, false);

		CHECK_FOR_INTERRUPTS();
		if (!waiting && is_held(id))
			continue;
		if (!waiting && !celeriac_xact_holds(id) && !claim_to_revoke(id))
		{
			whole->blocked = *id;
			return false;
		}
		ids[count++] = UUIDPGetDatum(id);
	}
	return lock_free_rows(whole, ids, count);
}

static void
revoke_if_free(void *argument)
{
	Whole	   *whole = argument;

	celeriac_rootlock(&whole->root, 1);
	whole->free = take_all(whole);
	if (whole->free)
		revoke_under_lock(whole);
}

static bool
revoke_whole(Whole *whole)
{
	HASHCTL		info = {.keysize = UUID_LEN, .entrysize = UUID_LEN};

	whole->seen = hash_create("celeriac revoked", 256, &info, HASH_ELEM | HASH_BLOBS);
	for (int i = 0; i < MAX_TRIES && !whole->free; i++)
	{
		celeriac_do_and_keep_if(revoke_if_free, whole, &whole->free);
		if (!whole->free)
			wait_for_decider(&whole->blocked);
	}
	if (!whole->free)
	{
		(void) revoke_pass(whole, false, &whole->any);
		revoke_under_lock(whole);
	}
	hash_destroy(whole->seen);
	return whole->any;
}

static bool
revoke_task(const pg_uuid_t *id, Oid role, bool terminate, const char *signal)
{
	Whole		whole = {
		.id = id, .role = role, .terminate = terminate, .signal = signal
	};
	TaskStatus	status;
	pg_uuid_t	root;

	require_right(id, role, &status);
	if (whole_of(&whole, &root))
	{
		whole.root = &root;
		return revoke_whole(&whole);
	}
	return revoke_one(id, role, terminate, signal);
}

static const char *
signal_argument(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(2) ? "TERM" :
		signal_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
}

/* task_revoke(id, terminate, signal) */
Datum
task_revoke(PG_FUNCTION_ARGS)
{
	CelContext	context;
	const char *signal = signal_argument(fcinfo);
	bool		terminate = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	bool		revoked;

	celeriac_require_not_null(fcinfo, 0, "id");
	celeriac_enter(&context, fcinfo);
	revoked = revoke_task(PG_GETARG_UUID_P(0), context.caller, terminate, signal);
	celeriac_leave(&context);
	PG_RETURN_BOOL(revoked);
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(DatumGetUUIDP(*(const Datum *) a), DatumGetUUIDP(*(const Datum *) b),
				  UUID_LEN);
}

/* In the order of the ids, so that two callers cannot block each other. */
Datum
task_revoke_many(PG_FUNCTION_ARGS)
{
	CelContext	context;
	const char *signal = signal_argument(fcinfo);
	bool		terminate = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	bool		revoked = false;
	Datum	   *ids;
	bool	   *nulls;
	int			count;

	celeriac_require_not_null(fcinfo, 0, "ids");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
					  &ids, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("ids must be an array without nulls")));
	}
	qsort(ids, count, sizeof(Datum), compare_ids);
	celeriac_enter(&context, fcinfo);
	for (int i = 0; i < count; i++)
		revoked |= revoke_task(DatumGetUUIDP(ids[i]), context.caller, terminate, signal);
	celeriac_leave(&context);
	PG_RETURN_BOOL(revoked);
}

/* Those that others wait for have a row after the one with the count. */
static int64
purge(Datum queue)
{
	uint64		rows = celeriac_exec(STMT_PURGE, &queue, NULL);
	SPITupleTable *table = SPI_tuptable;
	Ended	   *ended = palloc_extended((rows + 1) * sizeof(Ended),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Outcome    *outcomes = palloc_extended((rows + 1) * sizeof(Outcome), MCXT_ALLOC_HUGE);
	Row			row = {.tuple = table->vals[0], .desc = table->tupdesc};
	int64		count = celeriac_row_int64(&row, 5, 0);

	for (uint64 i = 1; i < rows; i++)
	{
		row.tuple = table->vals[i];
		celeriac_outcome_init(&outcomes[i], celeriac_row_uuid(&row, 1), "REVOKED",
							  "TaskRevokedError", "purged");
		ended[i].outcome = &outcomes[i];
		ended[i].options = celeriac_row_jsonb(&row, 2);
		ended[i].sent_by = celeriac_row_text(&row, 3);
		ended[i].root_id = celeriac_row_uuid(&row, 4);
	}
	celeriac_advance(ended + 1, rows - 1);
	return count;
}

/*
 * task_revocation(worker, id): the signal to stop it by, '' to ask it only; NULL
 * if nobody has revoked it, or it is not that worker's.
 */
Datum
task_revocation(PG_FUNCTION_ARGS)
{
	const char *worker;
	Claim		claim;

	celeriac_require_not_null(fcinfo, 0, "worker");
	celeriac_require_not_null(fcinfo, 1, "id");
	celeriac_shmem_require();
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!celeriac_claim_get(PG_GETARG_UUID_P(1), &claim) ||
		claim.kind != CLAIM_SESSION || !claim.revoked || claim.worker < 0 ||
		strcmp(CelShmem->workers[claim.worker].name, worker) != 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(claim.signal));
}

/*
 * task_purge(queue): all that waits there ends as REVOKED.  No claims are
 * taken, there may be millions: one that a worker claims in this moment is
 * run, and its outcome refused.  What waits for others is not in the queue yet,
 * but goes with what it waits for.
 */
Datum
task_purge(PG_FUNCTION_ARGS)
{
	CelContext	context;
	Datum		queue;
	int64		purged;

	celeriac_require_not_null(fcinfo, 0, "queue");
	queue = PG_GETARG_DATUM(0);
	celeriac_enter(&context, fcinfo);
	if (!celeriac_is_admin(context.caller))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to purge a queue"),
				 errhint("Only members of celeriac_admin may.")));
	purged = purge(queue);
	celeriac_leave(&context);
	PG_RETURN_INT64(purged);
}
