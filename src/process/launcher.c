/*
 * launcher.c
 *		One per cluster: keeps a coordinator in every database that has the
 *		extension.
 *
 * Whether a database has it can only be seen from inside, so a database not
 * yet known is given a coordinator as a probe.  It stays when it finds the
 * extension and ends when it does not.  From then on a transaction that
 * creates the extension there asks for a new look (CEL_DB_PROBE in the
 * database's slot), and CREATE DATABASE asks to read pg_database again.
 *
 * The launcher sleeps until one of these happens, a coordinator ends, or a
 * pause is over after which something that failed is tried again.  It keeps
 * nothing that its successor cannot find: what is running is in the table of
 * processes, and all databases are probed anew.
 */
#include "process/launcher.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/hsearch.h"

#include "base/guc.h"
#include "process/backoff.h"
#include "process/bgw.h"
#include "process/block.h"
#include "process/entry.h"
#include "process/process.h"
#include "process/start.h"
#include "shmem/shmem.h"

#define RESTART_SECONDS 1

/* Coordinators that have not looked yet, at one time. */
#define MAX_PROBES 4

typedef struct Candidate
{
	Oid			dboid;			/* hash key */
	bool		listed;			/* seen in the last scan of pg_database */
	bool		absent;			/* no extension there, as of the last look */
	bool		alive;			/* has a coordinator; of this round */
	CelBackoff	failures;
} Candidate;

static HTAB *candidates = NULL;
static bool rescan = true;
static CelBackoff no_slots = {0};

void
celeriac_launcher_init(void)
{
	BackgroundWorker worker = {
		.bgw_flags = CELERIAC_BGW_FLAGS,
		.bgw_start_time = BgWorkerStart_RecoveryFinished,
		.bgw_restart_time = RESTART_SECONDS,
		.bgw_name = CELERIAC_BGW_LAUNCHER,
		.bgw_type = CELERIAC_BGW_LAUNCHER,
		.bgw_library_name = CELERIAC_LIBRARY,
		.bgw_function_name = "celeriac_launcher_main"
	};

	/* pg_upgrade must have its databases to itself */
	if (!IsBinaryUpgrade)
		RegisterBackgroundWorker(&worker);
}

/*
 * Which databases there are
 */

/* Tasks do not run in templates: CREATE DATABASE needs them unused. */
static bool
is_eligible(Form_pg_database database)
{
	return database->datallowconn && !database->datistemplate &&
		!database_is_invalid_form(database);
}

static void
list_candidate(Oid dboid)
{
	bool		found;
	Candidate  *candidate = hash_search(candidates, &dboid, HASH_ENTER, &found);

	if (!found)
		memset((char *) candidate + sizeof(dboid), 0,
			   sizeof(Candidate) - sizeof(dboid));
	candidate->listed = true;
}

static void
scan_databases(void)
{
	Relation	relation = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan =
		systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

		if (is_eligible(database))
			list_candidate(database->oid);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
}

static void
read_databases(void)
{
	HASH_SEQ_STATUS sequence;
	Candidate  *candidate;

	hash_seq_init(&sequence, candidates);
	while ((candidate = hash_seq_search(&sequence)) != NULL)
		candidate->listed = false;

	celeriac_bgw_begin("celeriac: looking for databases");
	scan_databases();
	celeriac_bgw_commit();

	hash_seq_init(&sequence, candidates);
	while ((candidate = hash_seq_search(&sequence)) != NULL)
	{
		if (!candidate->listed)
			hash_search(candidates, &candidate->dboid, HASH_REMOVE, NULL);
	}
}

static Candidate *
find_candidate(Oid dboid)
{
	return hash_search(candidates, &dboid, HASH_FIND, NULL);
}

/*
 * Which coordinators there are
 */

/*
 * A coordinator has ended: because the extension is not there, or for any
 * other reason, the end of its database among them.
 */
static void
see_ended(const CelProcess *process)
{
	Candidate  *candidate = find_candidate(process->dboid);

	celeriac_process_forget(process->token);
	if (candidate == NULL)
		return;
	candidate->absent = (process->verdict == VERDICT_ABSENT);
	if (process->verdict == VERDICT_NONE)
		rescan = true;
	if (candidate->absent)
		celeriac_backoff_reset(&candidate->failures);
	else
		celeriac_backoff_ended(&candidate->failures, process->started_at);
}

/*
 * Returns how many coordinators are still looking.  Whatever runs in a database
 * that is no longer for us (made a template, say) is stopped.
 */
static int
see_processes(void)
{
	HASH_SEQ_STATUS sequence;
	Candidate  *candidate;
	int			count;
	int			probing = 0;
	CelProcess *processes = celeriac_process_list(&count);

	hash_seq_init(&sequence, candidates);
	while ((candidate = hash_seq_search(&sequence)) != NULL)
		candidate->alive = false;
	for (int i = 0; i < count; i++)
	{
		CelProcess *process = &processes[i];

		candidate = find_candidate(process->dboid);
		if (process->state == PROCESS_ENDED)
		{
			if (process->kind == PROCESS_COORDINATOR || candidate == NULL)
				see_ended(process);
		}
		else if (candidate == NULL)
			celeriac_process_terminate(process->dboid);
		else if (process->kind == PROCESS_COORDINATOR)
		{
			candidate->alive = true;
			if (process->verdict == VERDICT_NONE)
				probing++;
		}
	}
	return probing;
}

/*
 * Somebody has asked for a new look at a database.  One that is not for us,
 * or is not in pg_database after we have read it again, stays out.
 */
static void
see_requests(bool databases_read)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < celeriac_max_databases; i++)
	{
		CelDatabase *db = &CelShmem->databases[i];
		Candidate  *candidate;

		if (!OidIsValid(db->dboid) || db->service.want != CEL_DB_PROBE)
			continue;
		candidate = find_candidate(db->dboid);
		if (candidate != NULL && candidate->absent)
		{
			candidate->absent = false;
			celeriac_backoff_reset(&candidate->failures);
		}
		else if (candidate == NULL && databases_read)
			db->service.want = CEL_DB_ABSENT;
		else if (candidate == NULL)
			rescan = true;
	}
	LWLockRelease(CelShmem->lock);
}

/* Returns how long to sleep until some start is to be tried again. */
static long
start_missing(int probing)
{
	HASH_SEQ_STATUS sequence;
	Candidate  *candidate;
	long		sleep_ms = celeriac_backoff_left(&no_slots);

	if (sleep_ms > 0)
		return sleep_ms;
	sleep_ms = -1;
	hash_seq_init(&sequence, candidates);
	while ((candidate = hash_seq_search(&sequence)) != NULL)
	{
		long		pause = celeriac_backoff_left(&candidate->failures);
		CelStartResult result;

		if (candidate->absent || candidate->alive || probing >= MAX_PROBES)
			continue;
		if (pause > 0)
		{
			sleep_ms = celeriac_sooner(sleep_ms, pause);
			continue;
		}
		result = celeriac_process_start(PROCESS_COORDINATOR, candidate->dboid);
		if (result == START_NO_SLOT)
		{
			celeriac_backoff_fail(&no_slots);
			hash_seq_term(&sequence);
			return celeriac_backoff_left(&no_slots);
		}
		if (result == START_OK)
			probing++;
	}
	celeriac_backoff_reset(&no_slots);
	return sleep_ms;
}

static long
launch(void)
{
	bool		databases_read = false;
	int			probing;

	rescan |= celeriac_process_take_rescan();
	do
	{
		if (rescan)
		{
			read_databases();
			rescan = false;
			databases_read = true;
		}
		probing = see_processes();
		see_requests(databases_read);
	} while (rescan && !databases_read);
	return start_missing(probing);
}

static void
launcher_exit(int code, Datum arg)
{
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	CelShmem->launcher = NULL;
	CelShmem->launcher_pid = 0;
	LWLockRelease(CelShmem->lock);
}

/* Exit status 1 lets the postmaster start it again. */
void
celeriac_launcher_main(Datum arg)
{
	HASHCTL		info = {.keysize = sizeof(Oid), .entrysize = sizeof(Candidate)};

	celeriac_bgw_start();
	candidates =
		hash_create("celeriac candidates", 64, &info, HASH_ELEM | HASH_BLOBS);
	celeriac_bgw_connect(InvalidOid);

	on_shmem_exit(launcher_exit, (Datum) 0);
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	CelShmem->launcher = MyLatch;
	CelShmem->launcher_pid = MyProcPid;
	LWLockRelease(CelShmem->lock);

	celeriac_bgw_loop(launch);
	proc_exit(1);
}
