/*
 * shmem.c
 *		Layout of shared memory; slots of databases, sessions and workers.
 *
 * A session's slot is written by its own backend, under CelShared->lock where
 * others read more than one field.  Its exit hook turns the claims it still
 * holds into lost ones and leaves the rest to the coordinator, because no
 * transaction can run that late.
 */
#include "shmem.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "blackbox.h"
#include "claim.h"
#include "compat.h"
#include "errors.h"
#include "guc.h"
#include "process.h"
#include "ready.h"
#include "readytable.h"
#include "waitlist.h"
#include "wake.h"

#define CELERIAC_LOCKS	"celeriac"

CelShared  *CelShmem = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* The slots of workers by their names. */
typedef struct WorkerKey
{
	Oid			dboid;
	char		name[CELERIAC_NAME_LEN];
} WorkerKey;

typedef struct WorkerEntry
{
	WorkerKey	key;			/* hash key, must be first */
	int			slot;
} WorkerEntry;

static HTAB *worker_names = NULL;

static CelDatabase *my_database = NULL;
static CelSession *my_session = NULL;

static void shmem_request(void);
static void shmem_startup(void);
static void session_exit(int code, Datum arg);

void
celeriac_shmem_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

static Size
shared_size(void)
{
	Size		size = MAXALIGN(sizeof(CelShared));

	size = add_size(size, MAXALIGN(mul_size(celeriac_max_databases, sizeof(CelDatabase))));
	size = add_size(size, MAXALIGN(mul_size(MaxBackends, sizeof(CelSession))));
	return add_size(size, MAXALIGN(mul_size(celeriac_max_workers, sizeof(CelWorker))));
}

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(shared_size());
	RequestAddinShmemSpace(hash_estimate_size(celeriac_max_workers, sizeof(WorkerEntry)));
	RequestAddinShmemSpace(celeriac_claim_shmem_size());
	RequestAddinShmemSpace(celeriac_readytable_size());
	RequestAddinShmemSpace(celeriac_waitlist_shmem_size());
	RequestAddinShmemSpace(celeriac_process_shmem_size());
	RequestAddinShmemSpace(celeriac_blackbox_shmem_size());
	RequestNamedLWLockTranche(CELERIAC_LOCKS, 1);
}

static void
init_shared(void)
{
	char	   *next = (char *) CelShmem + MAXALIGN(sizeof(CelShared));

	memset(CelShmem, 0, shared_size());
	CelShmem->lock = &GetNamedLWLockTranche(CELERIAC_LOCKS)[0].lock;
	CelShmem->nsessions = MaxBackends;
	CelShmem->started_at = GetCurrentTimestamp();
	pg_atomic_init_u32(&CelShmem->claims_full, 0);
	pg_atomic_init_u32(&CelShmem->nlost, 0);
	pg_atomic_init_u64(&CelShmem->effort, 0);
	CelShmem->databases = (CelDatabase *) next;
	next += MAXALIGN(celeriac_max_databases * sizeof(CelDatabase));
	CelShmem->sessions = (CelSession *) next;
	next += MAXALIGN(MaxBackends * sizeof(CelSession));
	CelShmem->workers = (CelWorker *) next;
	for (int i = 0; i < MaxBackends; i++)
		CelShmem->sessions[i].worker = -1;
}

static void
workers_startup(void)
{
	HASHCTL		info = {
		.keysize = sizeof(WorkerKey),
		.entrysize = sizeof(WorkerEntry)
	};

	worker_names = ShmemInitHash("celeriac workers", celeriac_max_workers,
								 celeriac_max_workers, &info,
								 HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	my_database = NULL;
	my_session = NULL;

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	CelShmem = ShmemInitStruct("celeriac", shared_size(), &found);
	if (!found)
		init_shared();
	workers_startup();
	celeriac_claim_shmem_startup();
	celeriac_readytable_startup();
	celeriac_waitlist_shmem_startup();
	celeriac_process_shmem_startup();
	celeriac_blackbox_shmem_startup();
	LWLockRelease(AddinShmemInitLock);
}

void
celeriac_shmem_require(void)
{
	if (CelShmem == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_NOT_PRELOADED),
				 errmsg("celeriac must be loaded at server start"),
				 errhint("Add celeriac to shared_preload_libraries and restart the server.")));
}

/*
 * Databases
 */
CelDatabase *
celeriac_find_database(Oid dboid)
{
	for (int i = 0; i < celeriac_max_databases; i++)
	{
		if (CelShmem->databases[i].dboid == dboid)
			return &CelShmem->databases[i];
	}
	return NULL;
}

static void
init_database(CelDatabase *db, Oid dboid)
{
	memset(db, 0, sizeof(*db));
	pg_atomic_init_u32(&db->queue_changes, 0);
	pg_atomic_init_u32(&db->listeners, 0);
	pg_atomic_init_u32(&db->fetch_waiters, 0);
	pg_atomic_init_u32(&db->get_waiters, 0);
	pg_atomic_init_u32(&db->duties_asked, 1);
	pg_atomic_init_u64(&db->executor_queues, 0);
	pg_atomic_init_u64(&db->next_due, (uint64) NEVER);
	pg_atomic_init_u64(&db->stale_outcomes, 0);
	celeriac_segments_init(&db->messages);
	celeriac_segments_init(&db->results);
	pg_atomic_init_u64(&db->gate, 0);
	db->want = CEL_DB_PROBE;
	db->attaching = true;
	db->dboid = dboid;
}

CelDatabase *
celeriac_claim_database(Oid dboid)
{
	CelDatabase *db;

	celeriac_shmem_require();
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	db = celeriac_find_database(dboid);
	if (db == NULL)
	{
		db = celeriac_find_database(InvalidOid);
		if (db != NULL)
			init_database(db, dboid);
	}
	LWLockRelease(CelShmem->lock);
	if (db == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another database"),
				 errhint("Raise celeriac.max_databases and restart the server.")));
	return db;
}

CelDatabase *
celeriac_my_database(void)
{
	if (my_database == NULL)
		my_database = celeriac_claim_database(MyDatabaseId);
	return my_database;
}

/* Under the lock; exclusively, if it is to be entered or removed. */
static WorkerEntry *
search_worker(Oid dboid, const char *name, HASHACTION action)
{
	WorkerKey	key;

	memset(&key, 0, sizeof(key));
	key.dboid = dboid;
	strlcpy(key.name, name, sizeof(key.name));
	return hash_search(worker_names, &key, action, NULL);
}

static void
remove_worker(CelWorker *worker)
{
	if (OidIsValid(worker->dboid))
		(void) search_worker(worker->dboid, worker->name, HASH_REMOVE);
	worker->dboid = InvalidOid;
}

/*
 * The database has been dropped: what refers to it goes, and its slot is free.
 * No backend is left in it.  Called after commit: no ERROR, no palloc.
 */
void
celeriac_forget_database(Oid dboid)
{
	CelDatabase *db;

	celeriac_ready_forget(dboid);
	celeriac_claim_forget(dboid);
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		if (CelShmem->workers[i].dboid == dboid)
			remove_worker(&CelShmem->workers[i]);
	}
	db = celeriac_find_database(dboid);
	if (db != NULL)
		db->dboid = InvalidOid;
	LWLockRelease(CelShmem->lock);
}

/*
 * Should no coordinator ever come to end the wait, time does.
 */
bool
celeriac_dispatch_allowed(void)
{
	CelDatabase *db = celeriac_my_database();

	return !db->attaching ||
		TimestampDifferenceExceeds(CelShmem->started_at, GetCurrentTimestamp(),
								   2 * celeriac_attach_grace + 1000);
}

void
celeriac_wake_launcher(void)
{
	Latch	   *latch = CelShmem->launcher;

	if (latch != NULL)
		SetLatch(latch);
}

void
celeriac_ask_for_executor(CelDatabase *db)
{
	Latch	   *latch = db->coordinator;

	if (latch != NULL)
		SetLatch(latch);
}

void
celeriac_wake_coordinator(CelDatabase *db)
{
	pg_atomic_write_u32(&db->duties_asked, 1);
	celeriac_ask_for_executor(db);
}

/*
 * Sessions
 */
CelSession *
celeriac_my_session(void)
{
	CelSession *session = my_session;

	if (session != NULL)
		return session;
	celeriac_shmem_require();
	celeriac_my_database();
	session = &CelShmem->sessions[CELERIAC_MY_SLOT];
	on_shmem_exit(session_exit, (Datum) 0);

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	memset(session, 0, sizeof(*session));
	pg_atomic_init_u32(&session->wait, CEL_WAIT_NONE);
	pg_atomic_init_u32(&session->nclaims, 0);
	session->worker = -1;
	session->latch = MyLatch;
	session->pid = MyProcPid;
	session->dboid = MyDatabaseId;
	LWLockRelease(CelShmem->lock);
	my_session = session;
	return session;
}

bool
celeriac_has_session(void)
{
	return my_session != NULL;
}

/*
 * The session ends: its claims are lost, and a wake-up it took but did not
 * use must not be lost with it.  The transaction has been aborted by now: the
 * claims it took were given back by that, and are not lost.
 */
static void
session_exit(int code, Datum arg)
{
	CelSession *session = my_session;
	CelDatabase *db = my_database;
	int			slot = CELERIAC_MY_SLOT;

	if (session == NULL)
		return;
	if (pg_atomic_read_u32(&session->nclaims) > 0)
		celeriac_claim_lose_session(slot, false, NULL);
	celeriac_wait_end();
	if (session->listening)
		pg_atomic_fetch_sub_u32(&db->listeners, 1);
	if (session->worker >= 0)
	{
		celeriac_session_set_worker(-1);
		celeriac_wake_all(db->dboid);
		celeriac_wake_coordinator(db);
	}
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	session->dboid = InvalidOid;
	session->pid = 0;
	session->listening = false;
	LWLockRelease(CelShmem->lock);
	my_session = NULL;
}

/*
 * Workers
 */
static int
find_worker(const char *name)
{
	WorkerEntry *entry = search_worker(MyDatabaseId, name, HASH_FIND);

	return entry == NULL ? -1 : entry->slot;
}

/* A slot no session uses and no claim can refer to, the longest unheard of. */
static int
free_worker(void)
{
	int			best = -1;

	for (int i = 0; i < celeriac_max_workers; i++)
	{
		CelWorker  *w = &CelShmem->workers[i];

		if (w->dboid == InvalidOid)
			return i;
		if (w->nsessions == 0 && pg_atomic_read_u32(&w->nclaims) == 0 &&
			(best < 0 || w->heartbeat < CelShmem->workers[best].heartbeat))
			best = i;
	}
	return best;
}

static void
init_worker(CelWorker *worker, const char *name)
{
	memset(worker, 0, sizeof(*worker));
	strlcpy(worker->name, name, sizeof(worker->name));
	pg_atomic_init_u32(&worker->nclaims, 0);
	pg_atomic_init_u64(&worker->fetched, 0);
	pg_atomic_init_u64(&worker->succeeded, 0);
	pg_atomic_init_u64(&worker->failed, 0);
	pg_atomic_init_u64(&worker->retried, 0);
	pg_atomic_init_u64(&worker->stale, 0);
	worker->heartbeat = GetCurrentTimestamp();
	worker->dboid = MyDatabaseId;
}

/* Under the lock, exclusively; -1 = there is no room. */
static int
enter_worker(const char *name)
{
	int			slot = find_worker(name);
	WorkerEntry *entry;

	if (slot >= 0 || (slot = free_worker()) < 0)
		return slot;
	remove_worker(&CelShmem->workers[slot]);
	entry = search_worker(MyDatabaseId, name, HASH_ENTER_NULL);
	if (entry == NULL)
		return -1;
	entry->slot = slot;
	init_worker(&CelShmem->workers[slot], name);
	return slot;
}

int
celeriac_worker_slot(const char *name)
{
	static int	last = -1;		/* most sessions are of one worker */

	if (last >= 0 && CelShmem->workers[last].dboid == MyDatabaseId &&
		strcmp(CelShmem->workers[last].name, name) == 0)
		return last;
	celeriac_shmem_require();
	LWLockAcquire(CelShmem->lock, LW_SHARED);
	last = find_worker(name);
	LWLockRelease(CelShmem->lock);
	if (last >= 0)
		return last;
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	last = enter_worker(name);
	LWLockRelease(CelShmem->lock);
	return last;
}

int
celeriac_require_worker_slot(const char *name)
{
	int			slot = celeriac_worker_slot(name);

	if (slot < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another worker"),
				 errhint("Raise celeriac.max_workers and restart the server.")));
	return slot;
}

/*
 * This session speaks for that worker from now on; -1 = for none.  An executor
 * never speaks for another than itself: a task that fetches with session
 * claims would leave them to a session that does not know of them.
 */
void
celeriac_session_set_worker(int worker)
{
	CelSession *session = celeriac_my_session();

	if (session->worker == worker)
		return;
	if (session->executor && session->worker >= 0 && worker >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a SQL task cannot speak for a worker of its own")));
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	if (session->worker >= 0)
		CelShmem->workers[session->worker].nsessions--;
	if (worker >= 0)
		CelShmem->workers[worker].nsessions++;
	session->worker = worker;
	LWLockRelease(CelShmem->lock);
}
