/*
 * leave.c
 *		What is cleaned in shared memory when a session ends, or a database.
 */
#include "shmem/leave.h"

#include "storage/lwlock.h"

#include "base/compat.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/session.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"
#include "shmem/workers.h"

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
	celeriac_workers_forget(dboid);
	db = celeriac_find_database(dboid);
	if (db != NULL)
		db->dboid = InvalidOid;
	LWLockRelease(CelShmem->lock);
}

/*
 * The session ends: its claims are lost, and a wake-up it took but did not
 * use must not be lost with it.  No transaction can run that late, so the rest
 * is left to the coordinator.
 */
static void
leave(CelSession *session)
{
	CelDatabase *db = celeriac_my_database();

	if (pg_atomic_read_u32(&session->nclaims) > 0)
		celeriac_claim_lose_session(CELERIAC_MY_SLOT, false, NULL);
	celeriac_wait_end();
	if (session->listening)
		pg_atomic_fetch_sub_u32(&db->events.listeners, 1);
	if (session->worker >= 0)
	{
		celeriac_session_set_worker(-1);
		celeriac_wake_all(db->dboid);
		celeriac_wake_coordinator(db);
	}
}

void
celeriac_leave_init(void)
{
	celeriac_session_init(leave);
}
