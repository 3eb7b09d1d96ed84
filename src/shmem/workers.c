/*
 * workers.c
 *		Slots of workers, by name.
 */
#include "shmem/workers.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/guc.h"
#include "shmem/shmem.h"

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

Size
celeriac_workers_shmem_size(void)
{
	return hash_estimate_size(celeriac_max_workers, sizeof(WorkerEntry));
}

void
celeriac_workers_shmem_startup(void)
{
	HASHCTL		info = {
		.keysize = sizeof(WorkerKey),
		.entrysize = sizeof(WorkerEntry)
	};

	worker_names = ShmemInitHash("celeriac workers", celeriac_max_workers,
								 celeriac_max_workers, &info,
								 HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
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

static int
find_worker(const char *name)
{
	WorkerEntry *entry = search_worker(MyDatabaseId, name, HASH_FIND);

	return entry == NULL ? -1 : entry->slot;
}

static void
remove_worker(CelWorker *worker)
{
	if (OidIsValid(worker->dboid))
		(void) search_worker(worker->dboid, worker->name, HASH_REMOVE);
	worker->dboid = InvalidOid;
}

void
celeriac_workers_forget(Oid dboid)
{
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		if (CelShmem->workers[i].dboid == dboid)
			remove_worker(&CelShmem->workers[i]);
	}
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
