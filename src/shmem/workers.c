/*
 * workers.c
 *		Slots of workers, by name.
 */
#include "shmem/workers.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/guc.h"
#include "shmem/shmem.h"

static int
find_worker(const char *name)
{
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		CelWorker  *w = &CelShmem->workers[i];

		if (w->dboid == MyDatabaseId && strcmp(w->name, name) == 0)
			return i;
	}
	return -1;
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

int
celeriac_worker_slot(const char *name)
{
	static int	last = -1;		/* most sessions are of one worker */
	int			slot;

	if (last >= 0 && CelShmem->workers[last].dboid == MyDatabaseId &&
		strcmp(CelShmem->workers[last].name, name) == 0)
		return last;
	celeriac_shmem_require();
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	slot = find_worker(name);
	if (slot < 0)
	{
		slot = free_worker();
		if (slot >= 0)
			init_worker(&CelShmem->workers[slot], name);
	}
	LWLockRelease(CelShmem->lock);
	last = slot;
	return slot;
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
