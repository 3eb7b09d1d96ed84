/*
 * block.c
 *		Which databases our processes must stay out of.
 */
#include "process/block.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "process/process.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

/* How long DROP DATABASE waits for ours to leave before it fails by itself. */
#define BLOCK_WAIT_MS 5000

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
		CelProcess *process = &celeriac_processes->processes[i];

		if (process->dboid != dboid || process->token == celeriac_process_token ||
			(process->kind == PROCESS_COORDINATOR && !coordinator_too))
			continue;
		if (process->state == PROCESS_STARTING)
			celeriac_process_remove(process);
		else if (process->pid != 0)
		{
			process->state = PROCESS_LEAVING;
			(void) kill(process->pid, SIGTERM);
			count++;
		}
	}
	celeriac_process_publish(dboid);
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

	ConditionVariablePrepareToSleep(&celeriac_processes->ended);
	while (!(stopped = signal_processes(dboid, coordinator_too) == 0))
	{
		long		left =
			TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (left <= 0)
			break;
		(void) ConditionVariableTimedSleep(&celeriac_processes->ended, Min(left, 1000),
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
 * For sessions that need a database without us
 */
static void
enter_block(Oid dboid)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MaxBackends; i++)
	{
		if (celeriac_processes->blocks[i].dboid == InvalidOid)
		{
			celeriac_processes->blocks[i].dboid = dboid;
			celeriac_processes->blocks[i].pid = MyProcPid;
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
		if (celeriac_processes->blocks[i].pid == MyProcPid)
			memset(&celeriac_processes->blocks[i], 0, sizeof(DatabaseBlock));
	}
	LWLockRelease(CelShmem->lock);
	celeriac_wake_launcher();
}
