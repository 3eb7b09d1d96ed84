/*
 * session.c
 *		Slots of sessions.
 *
 * A session's slot is written by its own backend, under CelShared->lock where
 * others read more than one field.
 */
#include "shmem/session.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"

#include "base/compat.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

static SessionLeave leave_hook = NULL;
static CelSession *my_session = NULL;

void
celeriac_session_init(SessionLeave leave)
{
	leave_hook = leave;
}

/* The transaction has been aborted by now: the claims it took were given back. */
static void
session_exit(int code, Datum arg)
{
	CelSession *session = my_session;

	if (session == NULL)
		return;
	leave_hook(session);
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	session->dboid = InvalidOid;
	session->pid = 0;
	session->listening = false;
	LWLockRelease(CelShmem->lock);
	my_session = NULL;
}

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

/*
 * The executor cancels only if this is still the task it runs: it compares
 * current with cancel in its signal handler.
 */
void
celeriac_cancel_executor(int slot, const pg_uuid_t *id)
{
	CelSession *session = &CelShmem->sessions[slot];

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	if (session->pid != 0 &&
		memcmp(&session->current, id, sizeof(pg_uuid_t)) == 0)
	{
		session->cancel = *id;
		kill(session->pid, SIGINT);
	}
	LWLockRelease(CelShmem->lock);
}
