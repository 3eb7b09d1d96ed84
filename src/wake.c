/*
 * wake.c
 *		Waiting for tasks and for results without polling and without NOTIFY.
 *
 * A waiter first writes what it waits for into its session's slot, then looks
 * at the tables, then sleeps on its latch.  A transaction that made tasks
 * ready, or ended some, walks the slots after its commit has become visible.
 * So either the waiter's look sees the commit or the walk sees the waiter; the
 * atomic operations on the slot's state word and on the database's count of
 * waiters are the barriers between.
 *
 * One waiter is woken for as many tasks as it wants, by turning its word from
 * FETCH to WOKEN: two commits never wake the same one.  A fetch that found
 * all it asked for wakes the next, so a wake-up that covered too few goes on.
 * What is missed all the same (a process that dies between the wake-up and
 * its fetch) is found by a re-check every minute.
 */
#include "wake.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "compat.h"
#include "ready.h"
#include "shmem.h"

#define RECHECK_MS	60000

static void
wait_publish(CelWaitKind kind)
{
	CelDatabase *db = celeriac_my_database();

	pg_atomic_fetch_add_u32(kind == CEL_WAIT_FETCH ? &db->fetch_waiters :
							&db->get_waiters, 1);
	pg_atomic_exchange_u32(&celeriac_my_session()->wait, kind);
	pg_memory_barrier();
}

void
celeriac_wait_fetch_begin(const char *const *queues, int nqueues, int max)
{
	CelSession *session = celeriac_my_session();

	celeriac_wait_end();
	session->wait_kind = CEL_WAIT_FETCH;
	session->wait_max = max;
	session->wait_nqueues = Min(nqueues, CEL_MAX_WAIT_QUEUES);
	for (int i = 0; i < session->wait_nqueues; i++)
		session->wait_queues[i] = celeriac_queue_hash(queues[i]);
	wait_publish(CEL_WAIT_FETCH);
}

void
celeriac_wait_get_begin(const pg_uuid_t *id)
{
	CelSession *session = celeriac_my_session();

	celeriac_wait_end();
	session->wait_kind = CEL_WAIT_GET;
	session->wait_id = *id;
	wait_publish(CEL_WAIT_GET);
}

/*
 * A client that is gone ends its session now, not when the wait is over: the
 * claims of a worker that was killed are freed by that.
 */
static int
wait_for_client(long ms)
{
	WaitEvent	event;

	ModifyWaitEvent(FeBeWaitSet, CELERIAC_CLIENT_SOCKET_POS, WL_SOCKET_CLOSED, NULL);
	if (WaitEventSetWait(FeBeWaitSet, ms, &event, 1, PG_WAIT_EXTENSION) == 0)
		return WL_TIMEOUT;
	if (event.events & WL_POSTMASTER_DEATH)
		proc_exit(1);
	if (event.events & WL_SOCKET_CLOSED)
		ereport(FATAL,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("connection to client lost")));
	return event.events;
}

static int
wait_for_latch(long ms)
{
	if (MyProcPort != NULL && WaitEventSetCanReportClosed())
		return wait_for_client(ms);
	return WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
}

/*
 * Sleep until woken, the deadline, or the timed re-check.  True = look at the
 * tables again; the wait is still registered.
 */
bool
celeriac_wait_sleep(TimestampTz deadline)
{
	CelSession *session = celeriac_my_session();

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		long		ms;
		int			events;

		if (pg_atomic_read_u32(&session->wait) == CEL_WAIT_WOKEN)
		{
			pg_atomic_exchange_u32(&session->wait, session->wait_kind);
			return true;
		}
		if (now >= deadline)
			return false;
		ms = deadline == NEVER ? RECHECK_MS :
			Min(TimestampDifferenceMilliseconds(now, deadline), RECHECK_MS);
		events = wait_for_latch(ms);
		if (events & WL_TIMEOUT)
			return GetCurrentTimestamp() < deadline;
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (session->executor && (ShutdownRequestPending || ConfigReloadPending))
			return false;
	}
}

void
celeriac_wait_without_snapshot(bool atomic, TimestampTz deadline)
{
	if (!atomic)
	{
		SPI_connect_ext(SPI_OPT_NONATOMIC);
		SPI_commit();
		SPI_finish();
	}
	(void) celeriac_wait_sleep(deadline);
}

static bool
wake_one(CelSession *session, uint32 kind)
{
	if (!pg_atomic_compare_exchange_u32(&session->wait, &kind, CEL_WAIT_WOKEN))
		return false;
	SetLatch(session->latch);
	return true;
}

static bool
waits_for_queue(const CelSession *session, uint64 queue_hash)
{
	for (int i = 0; i < session->wait_nqueues; i++)
	{
		if (session->wait_queues[i] == queue_hash)
			return true;
	}
	return false;
}

static bool
is_waiting(CelSession *session, Oid dboid, CelWaitKind kind)
{
	return (session->dboid == dboid || dboid == InvalidOid) &&
		pg_atomic_read_u32(&session->wait) == kind;
}

/*
 * The walk starts at another place each time, so that the work is spread.
 * Returns how many tasks no waiter was found for.
 */
static int64
wake_waiters(Oid dboid, uint64 queue_hash, int64 count)
{
	static uint32 start = 0;

	start++;
	for (int i = 0; i < CelShmem->nsessions && count > 0; i++)
	{
		CelSession *session =
			&CelShmem->sessions[(start + i) % CelShmem->nsessions];

		if (is_waiting(session, dboid, CEL_WAIT_FETCH) &&
			waits_for_queue(session, queue_hash) &&
			wake_one(session, CEL_WAIT_FETCH))
			count -= session->wait_max;
	}
	return count;
}

/* All executors that serve this queue are busy: is another worth it? */
static void
ask_for_executor(CelDatabase *db, uint64 queue_hash)
{
	for (int i = 0; i < CelShmem->nsessions; i++)
	{
		CelSession *session = &CelShmem->sessions[i];

		if (session->executor && session->dboid == db->dboid &&
			waits_for_queue(session, queue_hash))
		{
			celeriac_wake_coordinator(db);
			return;
		}
	}
}

/* count tasks of this queue are ready: wake as many waiters as that takes. */
void
celeriac_wake_fetch(Oid dboid, uint64 queue_hash, int64 count)
{
	CelDatabase *db = celeriac_find_database(dboid);

	pg_memory_barrier();
	if (db == NULL)
		return;
	if (pg_atomic_read_u32(&db->fetch_waiters) > 0)
		count = wake_waiters(dboid, queue_hash, count);
	if (count > 0 && db->understaffed)
		ask_for_executor(db, queue_hash);
}

/*
 * Done waiting.  A wake-up that arrived after the last look is passed on: the
 * tasks it tells of may not be among those this session took.
 */
void
celeriac_wait_end(void)
{
	CelSession *session = celeriac_my_session();
	CelDatabase *db = celeriac_my_database();
	CelWaitKind kind = session->wait_kind;
	uint32		last;

	if (kind == CEL_WAIT_NONE)
		return;
	last = pg_atomic_exchange_u32(&session->wait, CEL_WAIT_NONE);
	pg_atomic_fetch_sub_u32(kind == CEL_WAIT_FETCH ? &db->fetch_waiters :
							&db->get_waiters, 1);
	session->wait_kind = CEL_WAIT_NONE;
	for (int i = 0; last == CEL_WAIT_WOKEN && kind == CEL_WAIT_FETCH &&
		 i < session->wait_nqueues; i++)
		celeriac_wake_fetch(db->dboid, session->wait_queues[i], 1);
}

void
celeriac_wait_abort(void)
{
	if (celeriac_has_session())
		celeriac_wait_end();
}

static bool
waits_for_task(const CelSession *session, const pg_uuid_t *ids, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (memcmp(&session->wait_id, &ids[i], UUID_LEN) == 0)
			return true;
	}
	return false;
}

void
celeriac_wake_get(Oid dboid, const pg_uuid_t *ids, int count)
{
	CelDatabase *db = celeriac_find_database(dboid);

	pg_memory_barrier();
	if (db == NULL || pg_atomic_read_u32(&db->get_waiters) == 0)
		return;
	for (int i = 0; i < CelShmem->nsessions; i++)
	{
		CelSession *session = &CelShmem->sessions[i];

		if (is_waiting(session, dboid, CEL_WAIT_GET) &&
			waits_for_task(session, ids, count))
			wake_one(session, CEL_WAIT_GET);
	}
}

/* Everyone who waits in this database (InvalidOid: in any) looks again. */
void
celeriac_wake_all(Oid dboid)
{
	for (int i = 0; i < CelShmem->nsessions; i++)
	{
		CelSession *session = &CelShmem->sessions[i];

		if (is_waiting(session, dboid, CEL_WAIT_FETCH))
			wake_one(session, CEL_WAIT_FETCH);
		else if (is_waiting(session, dboid, CEL_WAIT_GET))
			wake_one(session, CEL_WAIT_GET);
	}
}
