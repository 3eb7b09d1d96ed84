/*
 * coordinator.c
 *		One per database that has the extension: its owner of time, and of its
 *		executors.
 *
 * What is due, lost, expired or old is duty.c's; here is when it is looked
 * at.  The coordinator sleeps until the next due time, which it publishes: a
 * transaction that makes something due earlier wakes it.  While it is busy it
 * has published NEVER, so that whatever commits behind its back wakes it too,
 * and is found by the next round.
 *
 * Executors are kept while the extension is here: one at least, more while
 * tasks wait for one, up to celeriac.executors.  Those that are idle leave by
 * themselves.  They outlive a coordinator that is terminated; its successor
 * finds them in the table of processes.
 *
 * Nothing here is needed after a crash: claims and executors went with shared
 * memory, the rest is in the tables.
 */
#include "base/names.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "process/backoff.h"
#include "process/bgw.h"
#include "process/block.h"
#include "process/duty.h"
#include "process/entry.h"
#include "process/process.h"
#include "process/recover.h"
#include "process/start.h"
#include "session/identity.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

/* How long executors are waited for when the extension has gone. */
#define STOP_MS 60000

/*
 * How long a statement of ours waits for a lock.  Shorter than deadlock_timeout
 * mostly is: in a deadlock with DROP EXTENSION, say, we give up.
 */
#define LOCK_TIMEOUT "500ms"

static bool present = false;
static bool recovered = false;
static uint64 generation = 0;
static TimestampTz due = 0;		/* when a duty has something to do */
static CelBackoff executor_failures = {0};

/*
 * Is the extension here?
 *
 * A transaction that creates or drops it sets CEL_DB_PROBE in the database's
 * slot after its commit.  We set what we expect first and look then, so that
 * such a request is either answered by this look or still standing after it.
 */

static void
expect_extension(void)
{
	CelDatabase *db;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	db = celeriac_find_database(MyDatabaseId);
	if (db != NULL)
		db->service.want = CEL_DB_RUN;
	LWLockRelease(CelShmem->lock);
}

static bool
look_requested(void)
{
	CelDatabase *db;
	bool		requested;

	LWLockAcquire(CelShmem->lock, LW_SHARED);
	db = celeriac_find_database(MyDatabaseId);
	requested = (db != NULL && db->service.want == CEL_DB_PROBE);
	LWLockRelease(CelShmem->lock);
	return requested;
}

/* False when a request came while we looked: look again. */
static bool
settle(bool found)
{
	CelDatabase *db;
	bool		settled;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	db = celeriac_find_database(MyDatabaseId);
	settled = (db == NULL || db->service.want != CEL_DB_PROBE);
	if (db != NULL && settled && !found)
		db->service.want = CEL_DB_ABSENT;
	LWLockRelease(CelShmem->lock);
	return settled;
}

static bool
look_once(void)
{
	bool		found;

	celeriac_bgw_begin("celeriac: looking for the extension");
	found = celeriac_identify_by_name();
	celeriac_bgw_commit();

	/* a slot made only now stands at PROBE, which asks for a second look */
	if (found)
		(void) celeriac_my_database();
	return found;
}

static bool
look_for_extension(void)
{
	bool		found;

	do
	{
		expect_extension();
		found = look_once();
	} while (!settle(found));
	return found;
}

/*
 * Executors
 */
static void
see_ended(const CelProcess *process)
{
	celeriac_process_forget(process->token);
	celeriac_backoff_ended(&executor_failures, process->started_at);
}

static void
count_executors(int *running, int *starting)
{
	int			count;
	CelProcess *processes = celeriac_process_list(&count);

	*running = *starting = 0;
	for (int i = 0; i < count; i++)
	{
		CelProcess *process = &processes[i];

		if (process->kind != PROCESS_EXECUTOR ||
			process->dboid != MyDatabaseId)
			continue;
		if (process->state == PROCESS_ENDED)
			see_ended(process);
		else if (process->state == PROCESS_RUNNING)
			(*running)++;
		else if (process->state == PROCESS_STARTING)
			(*starting)++;
	}
	pfree(processes);
}

static bool
executor_is_waiting(void)
{
	for (int i = 0; i < CelShmem->nsessions; i++)
	{
		CelSession *session = &CelShmem->sessions[i];

		if (session->executor && session->dboid == MyDatabaseId &&
			pg_atomic_read_u32(&session->wait) == CEL_WAIT_FETCH)
			return true;
	}
	return false;
}

/* Several are started one after another: each may find that it is enough. */
static bool
executor_wanted(void)
{
	CelDatabase *db = celeriac_my_database();
	int			running;
	int			starting;

	count_executors(&running, &starting);
	db->service.understaffed = (running + starting < celeriac_executors);
	pg_memory_barrier();
	if (!db->service.understaffed || starting > 0)
		return false;
	return running == 0 ||
		(!executor_is_waiting() && celeriac_duty_executors_needed());
}

/* Returns when to try again; until then nobody need ask for an executor. */
static long
keep_executors(void)
{
	if (!executor_wanted())
		return -1;
	if (celeriac_backoff_left(&executor_failures) == 0)
	{
		if (celeriac_process_start(PROCESS_EXECUTOR, MyDatabaseId) !=
			START_NO_SLOT)
			return -1;
		celeriac_backoff_fail(&executor_failures);
	}
	celeriac_my_database()->service.understaffed = false;
	return celeriac_backoff_left(&executor_failures);
}

/*
 * The coordinator itself
 */
static long
until(TimestampTz when)
{
	if (when >= NEVER)
		return -1;
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), when);
}

static void
stop_executors(void)
{
	if (!celeriac_process_stop_executors(MyDatabaseId, STOP_MS))
		ereport(LOG, (errmsg("executors of celeriac in database %u do not end",
							 MyDatabaseId)));
}

/*
 * The extension is here for the first time, or again: executors of one that
 * was dropped and created anew in one transaction know tables that are gone.
 */
static void
arrive(void)
{
	if (present && generation != CelExt.generation)
	{
		stop_executors();
		recovered = false;
	}
	generation = CelExt.generation;
	if (!present)
		celeriac_process_verdict(VERDICT_PRESENT);
	present = true;
}

static void
leave(void)
{
	if (present)
		stop_executors();
	celeriac_process_verdict(VERDICT_ABSENT);
	proc_exit(0);
}

static void
check_extension(void)
{
	do
	{
		if (look_for_extension())
			arrive();
		else
			leave();
	} while (look_requested());
}

/*
 * Every commit that finds all executors busy wakes us; the duties have reason
 * only when somebody says so, when one is due, or when settings have changed.
 */
static bool
duties_wanted(CelDatabase *db)
{
	static TimestampTz settings = 0;
	bool		asked = pg_atomic_exchange_u32(&db->service.asked, 0) != 0;
	bool		changed = (settings != PgReloadTime);

	settings = PgReloadTime;
	return asked || changed || !recovered || GetCurrentTimestamp() >= due;
}

static void
do_duties(CelDatabase *db)
{
	pg_atomic_exchange_u64(&db->service.due, (uint64) NEVER);
	if (!recovered)
		celeriac_duty_recover();
	recovered = true;
	due = celeriac_duty_run();
}

static long
coordinate(void)
{
	CelDatabase *db;
	long		pause;

	if (look_requested())
		check_extension();
	db = celeriac_my_database();
	if (duties_wanted(db))
		do_duties(db);
	pause = keep_executors();
	pg_atomic_write_u64(&db->service.due, (uint64) due);
	return celeriac_sooner(until(due), pause);
}

/*
 * An error in the first look ends the process, and the launcher's pause comes
 * before the next: a probe that cannot tell must not keep others waiting.
 */
void
celeriac_coordinator_main(Datum arg)
{
	celeriac_bgw_start();
	celeriac_bgw_connect(DatumGetObjectId(arg));

	/* nobody's open transaction may keep the time from passing */
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	check_extension();
	celeriac_bgw_loop(coordinate);
	proc_exit(0);
}
