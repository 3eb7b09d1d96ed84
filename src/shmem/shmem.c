/*
 * shmem.c
 *		The layout of shared memory, made at the start of the server.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/guc.h"

#define SHARED_LOCKS	"celeriac"

CelShared  *CelShmem = NULL;

static Size
shared_size(void)
{
	Size		size = MAXALIGN(sizeof(CelShared));

	size = add_size(size, MAXALIGN(mul_size(celeriac_max_databases, sizeof(CelDatabase))));
	size = add_size(size, MAXALIGN(mul_size(MaxBackends, sizeof(CelSession))));
	return add_size(size, MAXALIGN(mul_size(celeriac_max_workers, sizeof(CelWorker))));
}

static void
init_shared(void)
{
	char	   *next = (char *) CelShmem + MAXALIGN(sizeof(CelShared));

	memset(CelShmem, 0, shared_size());
	CelShmem->lock = &GetNamedLWLockTranche(SHARED_LOCKS)[0].lock;
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

Size
celeriac_shmem_size(void)
{
	RequestNamedLWLockTranche(SHARED_LOCKS, 1);
	return shared_size();
}

void
celeriac_shmem_startup(void)
{
	bool		found;

	CelShmem = ShmemInitStruct("celeriac", shared_size(), &found);
	if (!found)
		init_shared();
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
