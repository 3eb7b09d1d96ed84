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

/* (name, heartbeat, sessions, claims, fetched, succeeded, failed, retried, stale) */
Datum
celeriac_worker_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	celeriac_init_srf(fcinfo);
	celeriac_shmem_require();
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		CelWorker  *worker = &CelShmem->workers[i];
		Datum		values[9];
		bool		nulls[9] = {false};

		if (worker->dboid != MyDatabaseId)
			continue;
		values[0] = CStringGetTextDatum(worker->name);
		values[1] = TimestampTzGetDatum(worker->heartbeat);
		values[2] = Int32GetDatum(worker->nsessions);
		values[3] = Int32GetDatum(pg_atomic_read_u32(&worker->nclaims));
		values[4] = Int64GetDatum(pg_atomic_read_u64(&worker->fetched));
		values[5] = Int64GetDatum(pg_atomic_read_u64(&worker->succeeded));
		values[6] = Int64GetDatum(pg_atomic_read_u64(&worker->failed));
		values[7] = Int64GetDatum(pg_atomic_read_u64(&worker->retried));
		values[8] = Int64GetDatum(pg_atomic_read_u64(&worker->stale));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* (state, worker, delivery, started_at) of a session claim; NULL = none */
Datum
celeriac_claim_info(PG_FUNCTION_ARGS)
{
	Claim		claim;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};

	celeriac_shmem_require();
	if (!celeriac_claim_get(PG_GETARG_UUID_P(0), &claim) || claim.kind != CLAIM_SESSION)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(celeriac_state_name(claim.started ? STATE_STARTED :
														STATE_RECEIVED));
	nulls[1] = claim.worker < 0;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(CelShmem->workers[claim.worker].name);
	values[2] = Int32GetDatum(claim.delivery);
	values[3] = TimestampTzGetDatum(claim.started_at);
	nulls[3] = claim.started_at == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

Datum
celeriac_is_claimed(PG_FUNCTION_ARGS)
{
	Claim		claim;

	celeriac_shmem_require();
	PG_RETURN_BOOL(celeriac_claim_get(PG_GETARG_UUID_P(0), &claim));
}

/* (coordinator_pid, executors, listeners, waiting fetches, stale_outcomes) */
Datum
celeriac_database_stats(PG_FUNCTION_ARGS)
{
	CelDatabase *db = celeriac_my_database();
	TupleDesc	desc;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(db->service.pid);
	nulls[0] = db->service.pid == 0;
	values[1] = Int32GetDatum(db->service.executors);
	values[2] = Int32GetDatum(pg_atomic_read_u32(&db->events.listeners));
	values[3] = Int32GetDatum(pg_atomic_read_u32(&db->waiters.fetch));
	values[4] = Int64GetDatum(pg_atomic_read_u64(&db->stale_outcomes));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
