/*
 * whole.c
 *		task_revoke: a task, and the whole canvas that waits for it.
 */
#include "base/names.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"

#include "base/attempt.h"
#include "base/check.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/row.h"
#include "canvas/rootlock.h"
#include "finish/finish.h"
#include "sdk/states.h"
#include "session/claimlist.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "shmem/claim.h"
#include "task/result.h"
#include "task/revoke.h"

PG_FUNCTION_INFO_V1(task_revoke);
PG_FUNCTION_INFO_V1(task_revoke_many);

/*
 * All of a canvas, from its root, or all of a group.  Under the lock of the root
 * nothing of it can come to be runnable; but a transaction that ends one of its
 * tasks has the task's row, and may be waiting for that lock.  So under the lock
 * no row and no claim is waited for: if another transaction has one, all is let
 * go of, the lock too, until that transaction has ended, and then tried again.
 *
 * Workers that fetch and finish without a pause could keep that up for long.
 * Then the revoke is done in two steps, waiting: first what can run, and under
 * the lock what waits, and what has become ready meanwhile.  If that makes a
 * circle, the server finds it.
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
	*root = *celeriac_row_uuid(&row, Anum_part_root);
	is_root = celeriac_row_bool(&row, Anum_part_is_root, false);
	whole->members = is_root ? STMT_CANVAS_OF_ROOT : STMT_CANVAS_OF_GROUP;
	return is_root || celeriac_row_bool(&row, Anum_part_is_group, false);
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
			any |= celeriac_revoke_one(ids[i], whole->role, whole->terminate, whole->signal);
		else if (celeriac_revoke_held(ids[i], whole->terminate, whole->signal))
		{
			(void) hash_search(whole->seen, ids[i], HASH_ENTER, NULL);
			any = true;
		}
		else if (celeriac_xact_holds(ids[i]) || celeriac_claim_to_revoke(ids[i]))
			celeriac_outcome_init(&outcomes[free++], ids[i], OUTCOME_REVOKED, EXC_REVOKED,
								  REVOKED_PLAIN);
		else
			any |= celeriac_revoke_one(ids[i], whole->role, whole->terminate, whole->signal);
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

		if (celeriac_row_bool(&row, Anum_unfinished_waits, false))
			celeriac_outcome_init(&waiting[nwaiting++],
								  celeriac_row_uuid(&row, Anum_unfinished_id),
								  OUTCOME_REVOKED, EXC_REVOKED, REVOKED_PLAIN);
		else
		{
			leased[nrunnable] = celeriac_row_bool(&row, Anum_unfinished_leased, false);
			ids[nrunnable++] = celeriac_row_uuid(&row, Anum_unfinished_id);
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
			memcmp(celeriac_row_uuid(&row, Anum_message_id), DatumGetUUIDP(ids[i]),
				   UUID_LEN) == 0)
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
		pg_uuid_t  *id = celeriac_row_uuid(&row, Anum_unfinished_id);
		bool		waiting = celeriac_row_bool(&row, Anum_unfinished_waits, false);

		CHECK_FOR_INTERRUPTS();
		if (!waiting && is_held(id))
			continue;
		if (!waiting && !celeriac_xact_holds(id) && !celeriac_claim_to_revoke(id))
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
			celeriac_wait_for_decider(&whole->blocked);
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

	celeriac_require_right_to_revoke(id, role, &status);
	if (whole_of(&whole, &root))
	{
		whole.root = &root;
		return revoke_whole(&whole);
	}
	return celeriac_revoke_one(id, role, terminate, signal);
}

static const char *
signal_argument(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(2) ? "TERM" :
		celeriac_signal_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
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
