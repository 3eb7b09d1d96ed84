/*
 * stats.c
 *		Figures from shared memory, for the views.
 */
#include "base/names.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/state.h"
#include "sdk/states.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(celeriac_worker_stats);
PG_FUNCTION_INFO_V1(celeriac_claim_info);
PG_FUNCTION_INFO_V1(celeriac_is_claimed);
PG_FUNCTION_INFO_V1(celeriac_database_stats);

/* The columns of each are in the order of its declaration in src/sql. */
enum
{
	WORKER_NAME, WORKER_HEARTBEAT, WORKER_SESSIONS, WORKER_CLAIMS, WORKER_FETCHED,
	WORKER_SUCCEEDED, WORKER_FAILED, WORKER_RETRIED, WORKER_STALE, WORKER_COLUMNS
};

Datum
celeriac_worker_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	celeriac_init_srf(fcinfo);
	celeriac_shmem_require();
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		CelWorker  *worker = &CelShmem->workers[i];
		Datum		values[WORKER_COLUMNS];
		bool		nulls[WORKER_COLUMNS] = {false};

		if (worker->dboid != MyDatabaseId)
			continue;
		values[WORKER_NAME] = CStringGetTextDatum(worker->name);
		values[WORKER_HEARTBEAT] = TimestampTzGetDatum(worker->heartbeat);
		values[WORKER_SESSIONS] = Int32GetDatum(worker->nsessions);
		values[WORKER_CLAIMS] = Int32GetDatum(pg_atomic_read_u32(&worker->nclaims));
		values[WORKER_FETCHED] = Int64GetDatum(pg_atomic_read_u64(&worker->fetched));
		values[WORKER_SUCCEEDED] = Int64GetDatum(pg_atomic_read_u64(&worker->succeeded));
		values[WORKER_FAILED] = Int64GetDatum(pg_atomic_read_u64(&worker->failed));
		values[WORKER_RETRIED] = Int64GetDatum(pg_atomic_read_u64(&worker->retried));
		values[WORKER_STALE] = Int64GetDatum(pg_atomic_read_u64(&worker->stale));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

enum
{
	INFO_STATE, INFO_WORKER, INFO_DELIVERY, INFO_STARTED_AT,
	INFO_COLUMNS
};

/* of a session claim; NULL = none */
Datum
celeriac_claim_info(PG_FUNCTION_ARGS)
{
	Claim		claim;
	TupleDesc	desc;
	Datum		values[INFO_COLUMNS];
	bool		nulls[INFO_COLUMNS] = {false};

	celeriac_shmem_require();
	if (!celeriac_claim_get(PG_GETARG_UUID_P(0), &claim) || claim.kind != CLAIM_SESSION)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[INFO_STATE] = CStringGetTextDatum(celeriac_state_name(claim.started ? STATE_STARTED :
																 STATE_RECEIVED));
	if (claim.worker >= 0)
		values[INFO_WORKER] = CStringGetTextDatum(CelShmem->workers[claim.worker].name);
	nulls[INFO_WORKER] = claim.worker < 0;
	values[INFO_DELIVERY] = Int32GetDatum(claim.delivery);
	values[INFO_STARTED_AT] = TimestampTzGetDatum(claim.started_at);
	nulls[INFO_STARTED_AT] = claim.started_at == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum
celeriac_is_claimed(PG_FUNCTION_ARGS)
{
	Claim		claim;

	celeriac_shmem_require();
	PG_RETURN_BOOL(celeriac_claim_get(PG_GETARG_UUID_P(0), &claim));
}

enum
{
	DATABASE_COORDINATOR_PID, DATABASE_EXECUTORS, DATABASE_LISTENERS,
	DATABASE_WAITING_FETCHES, DATABASE_STALE_OUTCOMES, DATABASE_COLUMNS
};

Datum
celeriac_database_stats(PG_FUNCTION_ARGS)
{
	CelDatabase *db = celeriac_my_database();
	TupleDesc	desc;
	Datum		values[DATABASE_COLUMNS];
	bool		nulls[DATABASE_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[DATABASE_COORDINATOR_PID] = Int32GetDatum(db->service.pid);
	nulls[DATABASE_COORDINATOR_PID] = db->service.pid == 0;
	values[DATABASE_EXECUTORS] = Int32GetDatum(db->service.executors);
	values[DATABASE_LISTENERS] = Int32GetDatum(pg_atomic_read_u32(&db->events.listeners));
	values[DATABASE_WAITING_FETCHES] = Int32GetDatum(pg_atomic_read_u32(&db->waiters.fetch));
	values[DATABASE_STALE_OUTCOMES] = Int64GetDatum(pg_atomic_read_u64(&db->stale_outcomes));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
