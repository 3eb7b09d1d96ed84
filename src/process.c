/*
 * process.c
 *		Which background workers of ours there are, and who must stay out of
 *		which database.
 *
 * The postmaster starts a background worker some time after it was asked to,
 * or never, and tells only the process that asked.  So whoever starts a worker
 * (its parent) first enters it here; the worker finds its entry by a token,
 * before it connects, and leaves it after it has left the array of backends.
 * That makes the table exact:
 *
 * - An entry that is called off while STARTING (its token is gone) makes the
 *	 worker exit when it comes to look for it.
 * - A parent that ends calls off what is still starting; what is running is
 *	 found here by the parent's successor.
 * - A session that needs a database without us (DROP DATABASE, …) enters a
 *	 block, stops the processes it finds, and no other can come in.
 *
 * All is guarded by CelShared->lock, and so changes together with what the
 * database's slot says of its coordinator and executors.  A process leaves the
 * table under that lock, while its pid and its latch are still its own: others
 * signal and wake it under the lock, and need none of the server's for that.
 */
#include "process.h"

#include <signal.h>

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "bgw.h"
#include "compat.h"
#include "guc.h"
#include "shmem.h"

/* How long DROP DATABASE waits for ours to leave before it fails by itself. */
#define BLOCK_WAIT_MS 5000

/* Who waits for a slot has it before others start their second executor. */
#define SHORT_MS 10000

/* Ended processes keep their entry until their parent has seen it. */
#define MAX_PROCESSES (2 * max_worker_processes)

typedef struct DatabaseBlock
{
	Oid			dboid;			/* InvalidOid = free */
	int			pid;
} DatabaseBlock;

typedef struct ProcessTable
{
	uint64		last_token;
	bool		rescan;			/* pg_database is to be read again */
	TimestampTz short_until;	/* somebody waits for room until then */
	ConditionVariable ended;	/* a process has ended */
	DatabaseBlock *blocks;		/* MaxBackends */
	CelProcess	processes[FLEXIBLE_ARRAY_MEMBER];
} ProcessTable;

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

static ProcessTable *table = NULL;
static uint64 my_token = 0;
static volatile CelProcess *my_process = NULL;	/* while it runs */
static List *pending_starts = NIL;

static Size
processes_size(void)
{
	return MAXALIGN(add_size(offsetof(ProcessTable, processes),
							 mul_size(MAX_PROCESSES, sizeof(CelProcess))));
}

Size
celeriac_process_shmem_size(void)
{
	return add_size(processes_size(),
					mul_size(MaxBackends, sizeof(DatabaseBlock)));
}

void
celeriac_process_shmem_startup(void)
{
	bool		found;

	table = ShmemInitStruct("celeriac processes",
							celeriac_process_shmem_size(), &found);
	if (found)
		return;
	memset(table, 0, celeriac_process_shmem_size());
	/* tokens of a life before a crash must not be taken for new ones */
	table->last_token = (uint64) GetCurrentTimestamp();
	ConditionVariableInit(&table->ended);
	table->blocks = (DatabaseBlock *) ((char *) table + processes_size());
}

/*
 * Entries; the caller holds the lock.
 */
static CelProcess *
find_process(uint64 token)
{
	for (int i = 0; i < MAX_PROCESSES && token != 0; i++)
	{
		if (table->processes[i].token == token)
			return &table->processes[i];
	}
	return NULL;
}

/* One never used, or else an ended one whose parent did not come to see it. */
static CelProcess *
free_process(void)
{
	CelProcess *ended = NULL;

	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &table->processes[i];

		if (process->state == PROCESS_FREE)
			return process;
		if (process->state == PROCESS_ENDED)
			ended = process;
	}
	return ended;
}

static void
forget_process(CelProcess *process)
{
	memset(process, 0, sizeof(*process));
}

static bool
is_alive(const CelProcess *process)
{
	return process->state == PROCESS_STARTING ||
		process->state == PROCESS_RUNNING;
}

static int
count_alive(CelProcessKind kind, Oid dboid)
{
	int			count = 0;

	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &table->processes[i];

		if (is_alive(process) && process->kind == kind &&
			process->dboid == dboid)
			count++;
	}
	return count;
}

/* The database's slot tells others what is here. */
static void
publish_executors(Oid dboid)
{
	CelDatabase *db = celeriac_find_database(dboid);

	if (db != NULL)
		db->nexecutors = count_alive(PROCESS_EXECUTOR, dboid);
}

static bool
is_blocked(Oid dboid)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		if (table->blocks[i].dboid == dboid)
			return true;
	}
	return false;
}

/*
 * For parents
 */

/* The caller holds the lock. */
static bool
is_first(CelProcessKind kind, Oid dboid)
{
	return kind == PROCESS_COORDINATOR || count_alive(kind, dboid) == 0;
}

/* Enter a process to be started; 0 when it must not be, or cannot. */
static CelStartResult
enter_start(CelProcessKind kind, Oid dboid, uint64 *token)
{
	CelStartResult result = START_OK;
	CelProcess *process;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = free_process();
	if (is_blocked(dboid))
		result = START_BLOCKED;
	else if (process == NULL ||
			 (!is_first(kind, dboid) && GetCurrentTimestamp() < table->short_until))
		result = START_NO_SLOT;
	else
	{
		forget_process(process);
		process->token = *token = ++table->last_token;
		process->state = PROCESS_STARTING;
		process->kind = kind;
		process->dboid = dboid;
		process->parent = MyProcPid;
		publish_executors(dboid);
	}
	LWLockRelease(CelShmem->lock);
	return result;
}

void
celeriac_process_forget(uint64 token)
{
	CelProcess *process;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = find_process(token);
	if (process != NULL)
	{
		Oid			dboid = process->dboid;

		forget_process(process);
		publish_executors(dboid);
	}
	LWLockRelease(CelShmem->lock);
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
		CelProcess *process = &table->processes[i];
		int			count;

		if (process->kind != PROCESS_EXECUTOR || process->state != PROCESS_RUNNING)
			continue;
		count = count_alive(PROCESS_EXECUTOR, process->dboid);
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
 * executor of another: that one leaves when it has done what it has in hand.
 */
static void
ask_for_room(CelProcessKind kind, Oid dboid)
{
	CelProcess *spare;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	spare = is_first(kind, dboid) ? spare_executor() : NULL;
	if (spare != NULL)
	{
		table->short_until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), SHORT_MS);
		spare->state = PROCESS_LEAVING;
		publish_executors(spare->dboid);
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
	process = find_process(start->token);
	settled = (process == NULL || process->state != PROCESS_STARTING);
	if (!settled && stopped)
	{
		process->state = PROCESS_ENDED;
		publish_executors(process->dboid);
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
		if (table->processes[i].state != PROCESS_FREE)
			list[(*count)++] = table->processes[i];
	}
	LWLockRelease(CelShmem->lock);
	return list;
}

/* A parent ends: nobody would see whether these come. */
static void
call_off_starts(void)
{
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &table->processes[i];

		if (process->state == PROCESS_STARTING && process->parent == MyProcPid)
		{
			Oid			dboid = process->dboid;

			forget_process(process);
			publish_executors(dboid);
		}
	}
}

/*
 * Stopping others
 */

/*
 * Ask the processes of this database to end: its executors, or all of them.
 * Pids are good while we hold the lock, because entries are left under it.
 * Returns how many there are.
 */
static int
signal_processes(Oid dboid, bool coordinator_too)
{
	int			count = 0;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &table->processes[i];

		if (process->dboid != dboid || process->token == my_token ||
			(process->kind == PROCESS_COORDINATOR && !coordinator_too))
			continue;
		if (process->state == PROCESS_STARTING)
			forget_process(process);
		else if (process->pid != 0)
		{
			process->state = PROCESS_LEAVING;
			(void) kill(process->pid, SIGTERM);
			count++;
		}
	}
	publish_executors(dboid);
	LWLockRelease(CelShmem->lock);
	return count;
}

/* False when some of them are still there after that time. */
static bool
stop_processes(Oid dboid, bool coordinator_too, long timeout_ms)
{
	TimestampTz deadline =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
	bool		stopped;

	ConditionVariablePrepareToSleep(&table->ended);
	while (!(stopped = signal_processes(dboid, coordinator_too) == 0))
	{
		long		left =
			TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&table->ended, Min(left, 1000),
										   celeriac_wait_event(WAITS_FOR_PROCESSES));
	}
	ConditionVariableCancelSleep();
	return stopped;
}

void
celeriac_process_terminate(Oid dboid)
{
	(void) signal_processes(dboid, true);
}

bool
celeriac_process_stop_executors(Oid dboid, long timeout_ms)
{
	return stop_processes(dboid, false, timeout_ms);
}

/*
 * For the workers themselves
 */

/*
 * The backend is no longer in the array of backends, so nobody counts it as a
 * user of its database any more.
 */
static void
leave_table(int code, Datum arg)
{
	CelProcess *process;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	call_off_starts();
	my_process = NULL;
	process = find_process(my_token);
	if (process != NULL)
	{
		CelDatabase *db = celeriac_find_database(process->dboid);

		if (db != NULL && db->coordinator_pid == MyProcPid)
		{
			db->coordinator = NULL;
			db->coordinator_pid = 0;
		}
		if (process->state == PROCESS_LEAVING)
			forget_process(process);
		else
			process->state = PROCESS_ENDED;
		process->pid = 0;
		if (db != NULL)
		{
			publish_executors(db->dboid);
			celeriac_wake_coordinator(db);
		}
	}
	celeriac_wake_launcher();
	LWLockRelease(CelShmem->lock);
	ConditionVariableBroadcast(&table->ended);
}

/* Is this worker still wanted?  A second coordinator is not. */
static bool
admit(CelProcess *process)
{
	if (process == NULL)
		return false;
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *other = &table->processes[i];

		if (process->kind == PROCESS_COORDINATOR &&
			other->kind == PROCESS_COORDINATOR && other->pid != 0 &&
			other->dboid == process->dboid)
		{
			forget_process(process);
			return false;
		}
	}
	my_process = process;
	process->state = PROCESS_RUNNING;
	process->pid = MyProcPid;
	process->latch = MyLatch;
	process->started_at = GetCurrentTimestamp();
	return true;
}

/* The launcher, which has no token, comes here for its exit hook only. */
void
celeriac_process_enter(void)
{
	CelProcess *process;
	CelDatabase *db;
	bool		admitted;

	memcpy(&my_token, MyBgworkerEntry->bgw_extra, sizeof(my_token));
	on_shmem_exit(leave_table, (Datum) 0);
	if (my_token == 0)
		return;
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = find_process(my_token);
	admitted = admit(process);
	db = admitted ? celeriac_find_database(process->dboid) : NULL;
	if (db != NULL)
		celeriac_wake_coordinator(db);
	LWLockRelease(CelShmem->lock);
	if (!admitted)
		proc_exit(0);
}

/* A coordinator has looked; from now on it can be woken. */
void
celeriac_process_verdict(CelVerdict verdict)
{
	CelProcess *process;
	CelDatabase *db;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = find_process(my_token);
	db = celeriac_find_database(MyDatabaseId);
	if (process != NULL)
		process->verdict = verdict;
	if (db != NULL && verdict == VERDICT_PRESENT)
	{
		db->coordinator_pid = MyProcPid;
		db->coordinator = MyLatch;
	}
	LWLockRelease(CelShmem->lock);
	celeriac_wake_launcher();
}

bool
celeriac_process_leaving(void)
{
	return my_process != NULL && my_process->state == PROCESS_LEAVING;
}

/*
 * An idle executor asks whether enough others stay.  One that may leave is not
 * counted any more, so that the last two do not both go.
 */
bool
celeriac_process_may_leave(void)
{
	CelProcess *process;
	bool		leave;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = find_process(my_token);
	leave = process == NULL ||
		count_alive(PROCESS_EXECUTOR, process->dboid) > Min(celeriac_executors, 1);
	if (leave && process != NULL)
	{
		process->state = PROCESS_LEAVING;
		publish_executors(process->dboid);
	}
	LWLockRelease(CelShmem->lock);
	return leave;
}

/*
 * For who needs a database without us
 */
static void
enter_block(Oid dboid)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MaxBackends; i++)
	{
		if (table->blocks[i].dboid == InvalidOid)
		{
			table->blocks[i].dboid = dboid;
			table->blocks[i].pid = MyProcPid;
			break;
		}
	}
	LWLockRelease(CelShmem->lock);
}

/*
 * Ours leave the database, and none comes in until this session unblocks.
 * One that does not leave in time is left to the command's own check for
 * other users.
 */
void
celeriac_process_block(Oid dboid)
{
	enter_block(dboid);
	(void) stop_processes(dboid, true, BLOCK_WAIT_MS);
}

void
celeriac_process_unblock(void)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MaxBackends; i++)
	{
		if (table->blocks[i].pid == MyProcPid)
			memset(&table->blocks[i], 0, sizeof(DatabaseBlock));
	}
	LWLockRelease(CelShmem->lock);
	celeriac_wake_launcher();
}

void
celeriac_process_rescan(void)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	table->rescan = true;
	LWLockRelease(CelShmem->lock);
	celeriac_wake_launcher();
}

bool
celeriac_process_take_rescan(void)
{
	bool		rescan;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	rescan = table->rescan;
	table->rescan = false;
	LWLockRelease(CelShmem->lock);
	return rescan;
}
