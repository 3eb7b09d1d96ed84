/*
 * start.c
 *		Background workers of ours are started, and seen to have ended.
 */
#include "process/start.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "process/bgw.h"
#include "process/process.h"
#include "shmem/shmem.h"

/* A database that waits for a slot gets it before others start a second executor. */
#define SHORT_MS 10000

/* a worker this process has asked for and not yet seen */
typedef struct PendingStart
{
	uint64		token;
	BackgroundWorkerHandle *handle;
} PendingStart;

typedef struct KindInfo
{
	const char *type;
	const char *function;
} KindInfo;

static const KindInfo kinds[] = {
	[PROCESS_COORDINATOR] =
	{CELERIAC_BGW_COORDINATOR, "celeriac_coordinator_main"},
	[PROCESS_EXECUTOR] =
	{CELERIAC_BGW_EXECUTOR, "celeriac_executor_main"},
};
static List *pending_starts = NIL;

/* The caller holds the lock. */
static bool
is_first(CelProcessKind kind, Oid dboid)
{
	return kind == PROCESS_COORDINATOR || celeriac_process_count(kind, dboid) == 0;
}

/* Enter a process to be started, with a new token; not, unless START_OK. */
static CelStartResult
enter_start(CelProcessKind kind, Oid dboid, uint64 *token)
{
	CelStartResult result = START_OK;
	CelProcess *process;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = celeriac_process_free();
	if (celeriac_process_is_blocked(dboid))
		result = START_BLOCKED;
	else if (process == NULL ||
			 (!is_first(kind, dboid) && GetCurrentTimestamp() < celeriac_processes->short_until))
		result = START_NO_SLOT;
	else
	{
		celeriac_process_remove(process);
		process->token = *token = ++celeriac_processes->last_token;
		process->state = PROCESS_STARTING;
		process->kind = kind;
		process->dboid = dboid;
		process->parent = MyProcPid;
		celeriac_process_publish(dboid);
	}
	LWLockRelease(CelShmem->lock);
	return result;
}

static BackgroundWorkerHandle *
register_worker(CelProcessKind kind, Oid dboid, uint64 token)
{
	BackgroundWorker worker = {
		.bgw_flags = CELERIAC_BGW_FLAGS,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = BGW_NEVER_RESTART,
		.bgw_main_arg = ObjectIdGetDatum(dboid),
		.bgw_notify_pid = MyProcPid
	};
	BackgroundWorkerHandle *handle;

	snprintf(worker.bgw_name, BGW_MAXLEN, "%s of database %u",
			 kinds[kind].type, dboid);
	strlcpy(worker.bgw_type, kinds[kind].type, BGW_MAXLEN);
	strlcpy(worker.bgw_library_name, CELERIAC_LIBRARY,
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, kinds[kind].function,
			sizeof(worker.bgw_function_name));
	memcpy(worker.bgw_extra, &token, sizeof(token));
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/* Said once, until a start works again. */
static void
report_no_slot(bool failed, CelProcessKind kind, Oid dboid)
{
	static bool reported = false;

	if (failed && !reported)
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker slot is free for a %s in database %u",
						kinds[kind].type, dboid),
				 errdetail("It is tried again from time to time."),
				 errhint("You might need to increase max_worker_processes.")));
	reported = failed;
}

/* An executor of the database that has most, if that has several; or NULL. */
static CelProcess *
spare_executor(void)
{
	CelProcess *spare = NULL;
	int			most = 1;

	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &celeriac_processes->processes[i];
		int			count;

		if (process->kind != PROCESS_EXECUTOR || process->state != PROCESS_RUNNING)
			continue;
		count = celeriac_process_count(PROCESS_EXECUTOR, process->dboid);
		if (count > most)
		{
			spare = process;
			most = count;
		}
	}
	return spare;
}

/*
 * A database's coordinator, and its first executor, come before the second
 * executor of another database.  The latter executor leaves when it has done what
 * it has in hand.
 */
static void
ask_for_room(CelProcessKind kind, Oid dboid)
{
	CelProcess *spare;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	spare = is_first(kind, dboid) ? spare_executor() : NULL;
	if (spare != NULL)
	{
		celeriac_processes->short_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SHORT_MS);
		spare->state = PROCESS_LEAVING;
		celeriac_process_publish(spare->dboid);
		SetLatch(spare->latch);
	}
	LWLockRelease(CelShmem->lock);
}

CelStartResult
celeriac_process_start(CelProcessKind kind, Oid dboid)
{
	uint64		token;
	CelStartResult result = enter_start(kind, dboid, &token);
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);

	if (result == START_OK)
	{
		PendingStart *start = palloc(sizeof(PendingStart));

		start->token = token;
		start->handle = register_worker(kind, dboid, token);
		if (start->handle != NULL)
			pending_starts = lappend(pending_starts, start);
		else
		{
			pfree(start);
			celeriac_process_forget(token);
			result = START_NO_SLOT;
		}
	}
	MemoryContextSwitchTo(context);
	if (result == START_NO_SLOT)
		ask_for_room(kind, dboid);
	if (result != START_BLOCKED)
		report_no_slot(result == START_NO_SLOT, kind, dboid);
	return result;
}

/*
 * A start is settled when the worker has come, or was called off, or the
 * postmaster says that it is no more.  One that ended without ever coming
 * (no process could be forked) counts as ended.
 */
static bool
is_settled(PendingStart *start)
{
	pid_t		pid;
	bool		stopped = GetBackgroundWorkerPid(start->handle, &pid) == BGWH_STOPPED;
	CelProcess *process;
	bool		settled;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = celeriac_process_find(start->token);
	settled = (process == NULL || process->state != PROCESS_STARTING);
	if (!settled && stopped)
	{
		process->state = PROCESS_ENDED;
		celeriac_process_publish(process->dboid);
		settled = true;
	}
	LWLockRelease(CelShmem->lock);
	return settled;
}

static void
settle_starts(void)
{
	ListCell   *cell;

	foreach(cell, pending_starts)
	{
		PendingStart *start = lfirst(cell);

		if (!is_settled(start))
			continue;
		pfree(start->handle);
		pfree(start);
		pending_starts = foreach_delete_current(pending_starts, cell);
	}
}

/* Copies of all entries in use. */
CelProcess *
celeriac_process_list(int *count)
{
	CelProcess *list = palloc(MAX_PROCESSES * sizeof(CelProcess));

	settle_starts();
	*count = 0;
	LWLockAcquire(CelShmem->lock, LW_SHARED);
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		if (celeriac_processes->processes[i].state != PROCESS_FREE)
			list[(*count)++] = celeriac_processes->processes[i];
	}
	LWLockRelease(CelShmem->lock);
	return list;
}
