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

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/guc.h"
#include "session/definition.h"
#include "session/event.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "session/xact.h"
#include "shmem/database.h"
#include "shmem/session.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"
#include "shmem/workers.h"

PG_FUNCTION_INFO_V1(task_heartbeat);

const char *
celeriac_worker_argument(FunctionCallInfo fcinfo)
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
		celeriac_require_queue(queues[i]);
	}
}

static void
register_worker(FunctionCallInfo fcinfo, CelWorker *worker)
{
	Datum		values[] = {
		[PARAM_REGISTER_NAME] = PG_GETARG_DATUM(0),
		[PARAM_REGISTER_QUEUES] = PG_GETARG_DATUM(1),
		[PARAM_REGISTER_CONCURRENCY] = PG_GETARG_DATUM(2),
		[PARAM_REGISTER_PID] = Int32GetDatum(MyProcPid),
		[PARAM_REGISTER_INFO] = PG_GETARG_DATUM(4)
	};
	char		nulls[] = {
		[PARAM_REGISTER_NAME] = ' ',
		[PARAM_REGISTER_QUEUES] = PG_ARGISNULL(1) ? 'n' : ' ',
		[PARAM_REGISTER_CONCURRENCY] = PG_ARGISNULL(2) ? 'n' : ' ',
		[PARAM_REGISTER_PID] = ' ',
		[PARAM_REGISTER_INFO] = PG_ARGISNULL(4) ? 'n' : ' '
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
	const char *name = celeriac_worker_argument(fcinfo);
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
	if (db->recovery.attaching && db->recovery.looked && !any_expected())
	{
		db->recovery.attaching = false;
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
