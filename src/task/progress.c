/*
 * progress.c
 *		What a worker tells of tasks it has begun: started, extended, a state of their
 *		own.
 */
#include "base/names.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/compat.h"
#include "base/errors.h"
#include "base/state.h"
#include "sdk/states.h"
#include "session/current.h"
#include "session/event.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/role.h"
#include "session/statement.h"
#include "shmem/claim.h"
#include "shmem/workers.h"
#include "task/result.h"
#include "task/worker.h"

PG_FUNCTION_INFO_V1(task_started);
PG_FUNCTION_INFO_V1(task_extend);
PG_FUNCTION_INFO_V1(task_update_state);

/*
 * task_started(worker, ids, started_at): session claims in shared memory, the
 * rest as leases.
 */
static int
start_claims(const char *worker, Datum *ids, Datum *times, int count)
{
	int			slot = celeriac_worker_slot(worker);
	bool		announce = celeriac_events_wanted();
	int			left = 0;

	for (int i = 0; i < count; i++)
	{
		pg_uuid_t  *id = DatumGetUUIDP(ids[i]);
		TimestampTz started_at = DatumGetTimestampTz(times[i]);

		if (celeriac_claim_started(id, slot, started_at))
		{
			if (announce)
				celeriac_announce_started(worker, id, started_at);
			continue;
		}
		ids[left] = ids[i];
		times[left] = times[i];
		left++;
	}
	return left;
}

Datum
task_started(PG_FUNCTION_ARGS)
{
	CelContext	context;
	const char *worker = celeriac_worker_argument(fcinfo);
	Datum	   *ids;
	Datum	   *times;
	bool	   *null_ids;
	bool	   *null_times;
	int			count;
	int			ntimes;

	celeriac_require_not_null(fcinfo, 1, "ids");
	celeriac_require_not_null(fcinfo, 2, "started_at");
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR,
					  &ids, &null_ids, &count);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TIMESTAMPTZOID, 8, FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &times, &null_times, &ntimes);
	if (count != ntimes)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("ids and started_at must have the same length")));
	for (int i = 0; i < count; i++)
	{
		if (null_ids[i] || null_times[i])
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("ids and started_at must be arrays without nulls")));
		celeriac_require_finite(DatumGetTimestampTz(times[i]), "started_at");
	}
	celeriac_enter(&context, fcinfo);
	count = start_claims(worker, ids, times, count);
	if (count > 0)
	{
		Datum		values[] = {
			[PARAM_STARTED_WORKER] = CStringGetTextDatum(worker),
			[PARAM_STARTED_IDS] = celeriac_uuid_array(ids, count),
			[PARAM_STARTED_TIMES] = PointerGetDatum(construct_array(times, count, TIMESTAMPTZOID, 8,
																	FLOAT8PASSBYVAL, TYPALIGN_DOUBLE))
		};

		celeriac_exec(STMT_STARTED, values, NULL);
	}
	celeriac_leave(&context);
	PG_RETURN_VOID();
}

static void
put_ids(ReturnSetInfo *rsinfo, uint64 rows)
{
	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1,
									   &isnull);

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
	}
}

/* task_extend(worker, ids, lease) → ids whose lease was still held */
Datum
task_extend(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	const char *worker = celeriac_worker_argument(fcinfo);
	double		lease;
	Datum		values[EXTEND_PARAMS];

	celeriac_require_not_null(fcinfo, 1, "ids");
	celeriac_require_not_null(fcinfo, 2, "lease");
	lease = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(2));
	if (lease <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("lease must be greater than zero")));
	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	values[PARAM_EXTEND_WORKER] = CStringGetTextDatum(worker);
	values[PARAM_EXTEND_IDS] = PG_GETARG_DATUM(1);
	values[PARAM_EXTEND_UNTIL] = TimestampTzGetDatum(celeriac_time_after(lease));
	put_ids(rsinfo, celeriac_exec(STMT_EXTEND, values, NULL));
	celeriac_leave(&context);
	PG_RETURN_NULL();
}

/* It is for the task itself, its worker and its sender to say how it goes. */
static bool
may_tell(const pg_uuid_t *id, Oid role, const TaskStatus *status)
{
	return celeriac_is_worker(role) ||
		strcmp(celeriac_role_name(role), status->sent_by) == 0 ||
		(celeriac_current_task != NULL &&
		 memcmp(&celeriac_current_task->id, id, sizeof(pg_uuid_t)) == 0);
}

/* Only a task that is running has a state of its own to tell. */
static void
require_running(const pg_uuid_t *id, const TaskStatus *status)
{
	Claim		claim;
	TaskState	state;

	if (!status->known)
		celeriac_unknown_task(id);
	state = celeriac_state(status->state);
	if (state == STATE_STARTED || state == STATE_RECEIVED || state == STATE_CUSTOM)
		return;
	if (!status->finished && celeriac_claim_get(id, &claim) &&
		claim.kind == CLAIM_SESSION)
		return;
	celeriac_invalid_transition(id, status->state, "a state of a running task");
}

/* task_update_state(id, state, info): false when the row went meanwhile */
Datum
task_update_state(PG_FUNCTION_ARGS)
{
	CelContext	context;
	TaskStatus	status;
	Datum		values[UPDATE_STATE_PARAMS];
	char		nulls[UPDATE_STATE_PARAMS + 1] = "   ";
	char	   *state;
	bool		updated;

	celeriac_require_not_null(fcinfo, 0, "id");
	celeriac_require_not_null(fcinfo, 1, "state");
	state = text_to_cstring(PG_GETARG_TEXT_PP(1));
	celeriac_require_state_name(state);
	celeriac_enter(&context, fcinfo);
	celeriac_task_status(PG_GETARG_UUID_P(0), CelExt.owner, &status);
	if (status.known && !may_tell(PG_GETARG_UUID_P(0), context.caller, &status))
		status.known = false;
	require_running(PG_GETARG_UUID_P(0), &status);
	if (celeriac_state(state) != STATE_CUSTOM && celeriac_state(state) != STATE_STARTED)
		celeriac_invalid_transition(PG_GETARG_UUID_P(0), status.state, state);
	values[PARAM_UPDATE_STATE_ID] = PG_GETARG_DATUM(0);
	values[PARAM_UPDATE_STATE_STATE] = PG_GETARG_DATUM(1);
	values[PARAM_UPDATE_STATE_INFO] = PG_GETARG_DATUM(2);
	nulls[PARAM_UPDATE_STATE_INFO] = PG_ARGISNULL(2) ? 'n' : ' ';
	updated = celeriac_exec(STMT_UPDATE_STATE, values, nulls) > 0;
	celeriac_leave(&context);
	PG_RETURN_BOOL(updated);
}
