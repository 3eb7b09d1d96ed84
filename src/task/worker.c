/*
 * worker.c
 *		Workers by name: task_heartbeat, task_started, task_extend and what
 *		task_worker shows.
 *
 * A worker registers once, durably, so that a server that restarts knows whom
 * to wait for.  Its heartbeats and counters live in shared memory only: a row
 * updated every two seconds would be the queue's own bloat.
 */
#include "task/worker.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "session/identity.h"
#include "shmem/claim.h"
#include "base/compat.h"
#include "session/definition.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "session/event.h"
#include "base/guc.h"
#include "task/result.h"
#include "shmem/shmem.h"
#include "base/state.h"
#include "shmem/wake.h"
#include "session/xact.h"

PG_FUNCTION_INFO_V1(task_heartbeat);
PG_FUNCTION_INFO_V1(task_started);
PG_FUNCTION_INFO_V1(task_extend);
PG_FUNCTION_INFO_V1(task_update_state);
PG_FUNCTION_INFO_V1(celeriac_worker_stats);
PG_FUNCTION_INFO_V1(celeriac_claim_info);
PG_FUNCTION_INFO_V1(celeriac_is_claimed);
PG_FUNCTION_INFO_V1(celeriac_database_stats);

static const char *
get_worker(FunctionCallInfo fcinfo)
{
	const char *worker;

	celeriac_require_not_null(fcinfo, 0, "worker");
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	celeriac_require_worker_name(worker);
	return worker;
}

/*
 * task_heartbeat
 */
static void
check_queues(ArrayType *array)
{
	int			count;
	char	  **queues = celeriac_text_array(array, "queues", &count);

	for (int i = 0; i < count; i++)
	{
		celeriac_require_queue_name(queues[i]);
		if (!celeriac_queue(queues[i])->known)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_UNKNOWN_QUEUE),
					 errmsg("queue \"%s\" does not exist", queues[i]),
					 errhint("A queue is created by the first task sent to it, or by task_queue_create.")));
	}
}

static void
register_worker(FunctionCallInfo fcinfo, CelWorker *worker)
{
	Datum		values[] = {
		PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2),
		Int32GetDatum(MyProcPid), PG_GETARG_DATUM(4)
	};
	char		nulls[] = {
		' ', PG_ARGISNULL(1) ? 'n' : ' ', PG_ARGISNULL(2) ? 'n' : ' ', ' ',
		PG_ARGISNULL(4) ? 'n' : ' '
	};

	if (!PG_ARGISNULL(1))
		check_queues(PG_GETARG_ARRAYTYPE_P(1));
	celeriac_exec(STMT_WORKER_REGISTER, values, nulls);
	celeriac_xact_registered(worker - CelShmem->workers, true);
}

static void
worker_offline(const char *name, CelWorker *worker, const char *state)
{
	Datum		values[] = {CStringGetTextDatum(name), CStringGetTextDatum(state)};

	celeriac_exec(STMT_WORKER_STATE, values, NULL);
	celeriac_xact_registered(worker - CelShmem->workers, false);
}

/* online: only the first one, or one with news, writes a row */
static void
heartbeat_online(FunctionCallInfo fcinfo, const char *name, CelWorker *worker)
{
	Jsonb	   *info = PG_ARGISNULL(4) ? NULL : PG_GETARG_JSONB_P(4);
	bool		first = !worker->registered;

	if (first)
		register_worker(fcinfo, worker);
	if (celeriac_events_wanted())
		celeriac_event_worker(first ? "worker-online" : "worker-heartbeat", name, info);
}

/* task_heartbeat(worker, queues, concurrency, state, info) */
Datum
task_heartbeat(PG_FUNCTION_ARGS)
{
	CelContext	context;
	const char *name = get_worker(fcinfo);
	char	   *state = PG_ARGISNULL(3) ? pstrdup("online") :
		text_to_cstring(PG_GETARG_TEXT_PP(3));
	bool		online = strcmp(state, "online") == 0;
	CelWorker  *worker;
	int			slot;

	if (!online && strcmp(state, "offline") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("state must be online or offline")));
	celeriac_enter(&context, fcinfo);
	slot = celeriac_require_worker_slot(name);
	worker = &CelShmem->workers[slot];
	if (online)
	{
		celeriac_session_set_worker(slot);
		worker->heartbeat = GetCurrentTimestamp();
		heartbeat_online(fcinfo, name, worker);
	}
	else
	{
		worker_offline(name, worker, "offline");
		if (celeriac_events_wanted())
			celeriac_event_worker("worker-offline", name, NULL);
	}
	celeriac_leave(&context);
	PG_RETURN_VOID();
}

/* No row changes, so no trigger tells. */
static void
announce_started(const char *worker, const pg_uuid_t *id, TimestampTz started_at)
{
	TaskEvent	event = {
		.type = "task-started",
		.id = id,
		.worker = worker,
		.retries = -1,
		.runtime = -1,
		.timestamp = started_at
	};

	celeriac_event_task(&event);
}

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
				announce_started(worker, id, started_at);
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
	const char *worker = get_worker(fcinfo);
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
			CStringGetTextDatum(worker),
			celeriac_uuid_array(ids, count),
			PointerGetDatum(construct_array(times, count, TIMESTAMPTZOID, 8,
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
	const char *worker = get_worker(fcinfo);
	double		lease;
	Datum		values[3];

	celeriac_require_not_null(fcinfo, 1, "ids");
	celeriac_require_not_null(fcinfo, 2, "lease");
	lease = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(2));
	if (lease <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("lease must be greater than zero")));
	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	values[0] = CStringGetTextDatum(worker);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = TimestampTzGetDatum(celeriac_time_after(lease));
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
	Datum		values[3];
	char		nulls[] = {' ', ' ', ' '};
	char	   *state;
	bool		updated;

	celeriac_require_not_null(fcinfo, 0, "id");
	celeriac_require_not_null(fcinfo, 1, "state");
	state = text_to_cstring(PG_GETARG_TEXT_PP(1));
	celeriac_require_state_name(state);
	celeriac_enter(&context, fcinfo);
	celeriac_task_status(PG_GETARG_UUID_P(0), CelCat.owner, &status);
	if (status.known && !may_tell(PG_GETARG_UUID_P(0), context.caller, &status))
		status.known = false;
	require_running(PG_GETARG_UUID_P(0), &status);
	if (celeriac_state(state) != STATE_CUSTOM && celeriac_state(state) != STATE_STARTED)
		celeriac_invalid_transition(PG_GETARG_UUID_P(0), status.state, state);
	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	values[2] = PG_GETARG_DATUM(2);
	nulls[2] = PG_ARGISNULL(2) ? 'n' : ' ';
	updated = celeriac_exec(STMT_UPDATE_STATE, values, nulls) > 0;
	celeriac_leave(&context);
	PG_RETURN_BOOL(updated);
}

/*
 * After a restart
 *
 * A worker is back when it has attached: the first of its sessions may be one
 * that does not say what it runs.  One that attaches while we look finds
 * either its mark, or we find its.
 */
int
celeriac_workers_expected(void)
{
	uint64		rows = celeriac_exec(STMT_WORKERS_ONLINE, NULL, NULL);
	int			expected = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		int			slot = celeriac_worker_slot(name);
		CelWorker  *worker = slot < 0 ? NULL : &CelShmem->workers[slot];

		if (worker == NULL)
			continue;
		worker->registered = true;
		worker->expected = true;
		pg_memory_barrier();
		if (worker->attached)
			worker->expected = false;
		else
			expected++;
	}
	return expected;
}

static bool
any_expected(void)
{
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		CelWorker  *worker = &CelShmem->workers[i];

		if (worker->dboid == MyDatabaseId && worker->expected)
			return true;
	}
	return false;
}

/* The last one expected ends the wait for all. */
void
celeriac_worker_attached(int slot)
{
	CelDatabase *db = celeriac_my_database();

	if (slot >= 0)
	{
		CelShmem->workers[slot].attached = true;
		pg_memory_barrier();
		CelShmem->workers[slot].expected = false;
	}
	if (db->attaching && db->recovered && !any_expected())
	{
		db->attaching = false;
		celeriac_wake_all(MyDatabaseId);
	}
}

/* Registered, no session left, not expected back: its connection broke. */
void
celeriac_workers_gone(void)
{
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		CelWorker  *worker = &CelShmem->workers[i];

		if (worker->dboid != MyDatabaseId || !worker->registered ||
			worker->nsessions > 0 || worker->expected)
			continue;
		worker_offline(worker->name, worker, "lost");
		if (celeriac_events_wanted())
			celeriac_event_worker("worker-offline", worker->name, NULL);
	}
}

/*
 * What the views read
 */

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
	values[0] = Int32GetDatum(db->coordinator_pid);
	nulls[0] = db->coordinator_pid == 0;
	values[1] = Int32GetDatum(db->nexecutors);
	values[2] = Int32GetDatum(pg_atomic_read_u32(&db->listeners));
	values[3] = Int32GetDatum(pg_atomic_read_u32(&db->fetch_waiters));
	values[4] = Int64GetDatum(pg_atomic_read_u64(&db->stale_outcomes));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
