/*
 * process.c
 *		Which background workers of ours there are, and which databases they
 *		must stay out of.
 *
 * The postmaster starts a background worker some time after it was asked to,
 * or never, and tells only the process that asked, the worker's parent.  So the
 * parent first enters the worker here; the worker finds its entry by a token,
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
#include "process/process.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

ProcessTable *celeriac_processes = NULL;
uint64		celeriac_process_token = 0;
static volatile CelProcess *my_process = NULL;	/* while it runs */

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

	celeriac_processes = ShmemInitStruct("celeriac processes",
										 celeriac_process_shmem_size(), &found);
	if (found)
		return;
	memset(celeriac_processes, 0, celeriac_process_shmem_size());
	/* tokens of a life before a crash must not be taken for new ones */
	celeriac_processes->last_token = (uint64) GetCurrentTimestamp();
	ConditionVariableInit(&celeriac_processes->ended);
	celeriac_processes->blocks = (DatabaseBlock *) ((char *) celeriac_processes + processes_size());
}

/*
 * Entries; the caller holds the lock.
 */
CelProcess *
celeriac_process_find(uint64 token)
{
	for (int i = 0; i < MAX_PROCESSES && token != 0; i++)
	{
		if (celeriac_processes->processes[i].token == token)
			return &celeriac_processes->processes[i];
	}
	return NULL;
}

/* An entry never used, or else one of a process whose end its parent has not seen. */
CelProcess *
celeriac_process_free(void)
{
	CelProcess *ended = NULL;

	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &celeriac_processes->processes[i];

		if (process->state == PROCESS_FREE)
			return process;
		if (process->state == PROCESS_ENDED)
			ended = process;
	}
	return ended;
}

void
celeriac_process_remove(CelProcess *process)
{
	memset(process, 0, sizeof(*process));
}

static bool
is_alive(const CelProcess *process)
{
	return process->state == PROCESS_STARTING ||
		process->state == PROCESS_RUNNING;
}

int
celeriac_process_count(CelProcessKind kind, Oid dboid)
{
	int			count = 0;

	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &celeriac_processes->processes[i];

		if (is_alive(process) && process->kind == kind &&
			process->dboid == dboid)
			count++;
	}
	return count;
}

/* The database's slot tells others what is here. */
void
celeriac_process_publish(Oid dboid)
{
	CelDatabase *db = celeriac_find_database(dboid);

	if (db != NULL)
		db->service.executors = celeriac_process_count(PROCESS_EXECUTOR, dboid);
}

bool
celeriac_process_is_blocked(Oid dboid)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		if (celeriac_processes->blocks[i].dboid == dboid)
			return true;
	}
	return false;
}

/*
 * For parents
 */

void
celeriac_process_forget(uint64 token)
{
	CelProcess *process;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = celeriac_process_find(token);
	if (process != NULL)
	{
		Oid			dboid = process->dboid;

		celeriac_process_remove(process);
		celeriac_process_publish(dboid);
	}
	LWLockRelease(CelShmem->lock);
}

/* A parent ends: nobody would see whether these come. */
static void
call_off_starts(void)
{
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *process = &celeriac_processes->processes[i];

		if (process->state == PROCESS_STARTING && process->parent == MyProcPid)
		{
			Oid			dboid = process->dboid;

			celeriac_process_remove(process);
			celeriac_process_publish(dboid);
		}
	}
}

/*
 * Stopping others
 */

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
	process = celeriac_process_find(celeriac_process_token);
	if (process != NULL)
	{
		CelDatabase *db = celeriac_find_database(process->dboid);

		if (db != NULL && db->service.pid == MyProcPid)
		{
			db->service.coordinator = NULL;
			db->service.pid = 0;
		}
		if (process->state == PROCESS_LEAVING)
			celeriac_process_remove(process);
		else
			process->state = PROCESS_ENDED;
		process->pid = 0;
		if (db != NULL)
		{
			celeriac_process_publish(db->dboid);
			celeriac_wake_coordinator(db);
		}
	}
	celeriac_wake_launcher();
	LWLockRelease(CelShmem->lock);
	ConditionVariableBroadcast(&celeriac_processes->ended);
}

/* Is this worker still wanted?  A second coordinator is not. */
static bool
admit(CelProcess *process)
{
	if (process == NULL)
		return false;
	for (int i = 0; i < MAX_PROCESSES; i++)
	{
		CelProcess *other = &celeriac_processes->processes[i];

		if (process->kind == PROCESS_COORDINATOR &&
			other->kind == PROCESS_COORDINATOR && other->pid != 0 &&
			other->dboid == process->dboid)
		{
			celeriac_process_remove(process);
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

	memcpy(&celeriac_process_token, MyBgworkerEntry->bgw_extra, sizeof(celeriac_process_token));
	on_shmem_exit(leave_table, (Datum) 0);
	if (celeriac_process_token == 0)
		return;
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	process = celeriac_process_find(celeriac_process_token);
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
	process = celeriac_process_find(celeriac_process_token);
	db = celeriac_find_database(MyDatabaseId);
	if (process != NULL)
		process->verdict = verdict;
	if (db != NULL && verdict == VERDICT_PRESENT)
	{
		db->service.pid = MyProcPid;
		db->service.coordinator = MyLatch;
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
	process = celeriac_process_find(celeriac_process_token);
	leave = process == NULL ||
		celeriac_process_count(PROCESS_EXECUTOR, process->dboid) > Min(celeriac_executors, 1);
	if (leave && process != NULL)
	{
		process->state = PROCESS_LEAVING;
		celeriac_process_publish(process->dboid);
	}
	LWLockRelease(CelShmem->lock);
	return leave;
}

void
celeriac_process_rescan(void)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	celeriac_processes->rescan = true;
	LWLockRelease(CelShmem->lock);
	celeriac_wake_launcher();
}

bool
celeriac_process_take_rescan(void)
{
	bool		rescan;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	rescan = celeriac_processes->rescan;
	celeriac_processes->rescan = false;
	LWLockRelease(CelShmem->lock);
	return rescan;
}
