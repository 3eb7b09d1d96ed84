/*
 * wake.c
 *		Waiting for tasks and for results without polling and without NOTIFY.
 *
 * A waiter first sets its session's state and enters the lists of what it
 * waits for (waitlist.c), then looks at the tables, then sleeps on its latch.
 * A transaction that made tasks ready, or ended some, looks into the lists
 * after its commit has become visible.  So either the waiter's look sees the
 * commit or the commit's look sees the waiter; the locks of the lists and the
 * database's count of waiters are the barriers between.
 *
 * One waiter is woken for as many tasks as it wants, by turning its state from
 * FETCH to WOKEN: two commits never wake the same one.  A fetch that found
 * all it asked for wakes the next, so a wake-up that covered too few goes on.
 * What is missed all the same (a process that dies between the wake-up and
 * its fetch) is found by a re-check every minute.
 *
 * A session that is refused by a queue for which others fetch (turn.c) waits in
 * that queue's list for a seat instead of in the one for its tasks.
 */
#include "shmem/wake.h"

#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/readytable.h"
#include "shmem/session.h"
#include "shmem/shmem.h"
#include "shmem/waitlist.h"

#define RECHECK_MS	60000

/* A set of queues, by key: may hold more than was put in, never less. */
#define QUEUE_BIT(key)	(UINT64CONST(1) << ((key) % 64))

static uint64
wait_key(uint64 hash)
{
	return hash_combine64(hash, MyDatabaseId);
}

static uint64
task_key(const pg_uuid_t *id)
{
	return wait_key(hash_bytes_extended(id->data, UUID_LEN, 0));
}

/* Of the list of sessions that wait for a seat; tasks of the queue wake others. */
static uint64
seat_key(const QueueRef *queue)
{
	return hash_combine64(wait_key(queue->hash), 1);
}

static pg_atomic_uint32 *
waiters_of(CelDatabase *db, CelWaitKind kind)
{
	return kind == CEL_WAIT_FETCH ? &db->waiters.fetch : &db->waiters.get;
}

/* The state comes before the lists: see waitlist.c. */
static void
wait_publish(CelWaitKind kind, const uint64 *keys, int nkeys)
{
	CelSession *session = celeriac_my_session();

	session->wait_kind = kind;
	session->wait_nkeys = nkeys;
	pg_atomic_fetch_add_u32(waiters_of(celeriac_my_database(), kind), 1);
	pg_atomic_exchange_u32(&session->wait, kind);
	for (int i = 0; i < nkeys; i++)
		celeriac_waitlist_add(i, keys[i]);
	pg_memory_barrier();
}

/* Woken, and going on: be in the lists again that somebody took us off. */
static void
wait_again(CelSession *session)
{
	pg_atomic_exchange_u32(&session->wait, session->wait_kind);
	for (int i = 0; i < session->wait_nkeys; i++)
		celeriac_waitlist_add(i, celeriac_waitlist_key(i));
	pg_memory_barrier();
}

void
celeriac_wait_fetch_begin(const QueueRef *queues, const bool *crowded,
						  int nqueues, int max)
{
	uint64		keys[CEL_MAX_WAIT_QUEUES];
	int			nkeys = Min(nqueues, CEL_MAX_WAIT_QUEUES);

	celeriac_wait_end();
	celeriac_my_session()->wait_max = max;
	for (int i = 0; i < nkeys; i++)
		keys[i] = crowded != NULL && crowded[i] ? seat_key(&queues[i])
			: wait_key(queues[i].hash);
	wait_publish(CEL_WAIT_FETCH, keys, nkeys);
}

void
celeriac_wait_get_begin(const pg_uuid_t *id)
{
	uint64		key = task_key(id);

	celeriac_wait_end();
	wait_publish(CEL_WAIT_GET, &key, 1);
}

bool		(*celeriac_wait_interrupt) (void) = NULL;

/*
 * A client that is gone ends its session now, not when the wait is over: the
 * claims of a worker that was killed are freed by that.
 */
static int
wait_for_client(long ms, CelWaitReason reason)
{
	int			events = celeriac_wait_for_client(ms, reason);

	if (events & WL_POSTMASTER_DEATH)
		proc_exit(1);
	if (events & WL_SOCKET_CLOSED)
		ereport(FATAL,
				(errcode(ERRCODE_CONNECTION_FAILURE),
				 errmsg("connection to client lost")));
	return events;
}

static int
wait_for_latch(long ms, CelWaitReason reason)
{
	if (MyProcPort != NULL && WaitEventSetCanReportClosed())
		return wait_for_client(ms, reason);
	return WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 celeriac_wait_event(reason));
}

/*
 * Sleep until woken, the deadline, or the timed re-check.  True = look at the
 * tables again; the wait is still registered.
 */
bool
celeriac_wait_sleep(TimestampTz deadline)
{
	CelSession *session = celeriac_my_session();
	CelWaitReason reason = session->wait_kind == CEL_WAIT_GET ? WAITS_FOR_RESULT
		: WAITS_FOR_TASK;

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		long		ms;
		int			events;

		if (pg_atomic_read_u32(&session->wait) == CEL_WAIT_WOKEN)
		{
			wait_again(session);
			return true;
		}
		if (now >= deadline)
			return false;
		ms = deadline == NEVER ? RECHECK_MS :
			Min(TimestampDifferenceMilliseconds(now, deadline), RECHECK_MS);
		events = wait_for_latch(ms, reason);
		if (events & WL_TIMEOUT)
			return GetCurrentTimestamp() < deadline;
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (celeriac_wait_interrupt != NULL && celeriac_wait_interrupt())
			return false;
	}
}

void
celeriac_wait_let_go(bool atomic)
{
	if (atomic)
		return;
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	SPI_commit();
	SPI_finish();
}

/* Returns how many tasks no waiter was found for. */
static int64
wake_waiters(uint64 key, int64 count)
{
	int			wants;

	while (count > 0 && celeriac_waitlist_wake(key, CEL_WAIT_FETCH, &wants))
		count -= wants;
	return count;
}

/* count tasks of this queue are ready: wake as many waiters as that takes. */
static void
wake_fetch(CelDatabase *db, uint64 key, int64 count)
{
	pg_memory_barrier();
	if (pg_atomic_read_u32(&db->waiters.fetch) > 0)
		count = wake_waiters(key, count);
	/* all executors that serve this queue are busy: is another worth it? */
	if (count > 0 && db->service.understaffed &&
		(pg_atomic_read_u64(&db->waiters.served) & QUEUE_BIT(key)))
		celeriac_ask_for_executor(db);
}

void
celeriac_wake_fetch(uint64 queue_hash, int64 count)
{
	wake_fetch(celeriac_my_database(), wait_key(queue_hash), count);
}

/*
 * Not more than wait now: a session that looked in vain is in the list again, and
 * would be woken again.
 */
void
celeriac_wake_seats(const QueueRef *queue, int count)
{
	int			wants;

	pg_memory_barrier();
	count = Min(count, pg_atomic_read_u32(&celeriac_my_database()->waiters.fetch));
	while (count-- > 0 && celeriac_waitlist_wake(seat_key(queue), CEL_WAIT_FETCH, &wants))
		;
}

/*
 * An executor serves this queue.  Nobody takes the bit back: one too many asks
 * the coordinator for nothing.
 */
void
celeriac_wake_serves(const QueueRef *queue)
{
	CelDatabase *db = celeriac_my_database();
	uint64		bit = QUEUE_BIT(wait_key(queue->hash));

	if ((pg_atomic_read_u64(&db->waiters.served) & bit) == 0)
		pg_atomic_fetch_or_u64(&db->waiters.served, bit);
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
	for (int i = 0; i < session->wait_nkeys; i++)
		celeriac_waitlist_remove(i);
	pg_atomic_fetch_sub_u32(waiters_of(db, kind), 1);
	session->wait_kind = CEL_WAIT_NONE;
	for (int i = 0; last == CEL_WAIT_WOKEN && kind == CEL_WAIT_FETCH &&
		 i < session->wait_nkeys; i++)
		wake_fetch(db, celeriac_waitlist_key(i), 1);
}

void
celeriac_wait_abort(void)
{
	if (celeriac_has_session())
		celeriac_wait_end();
}

void
celeriac_wake_get(const pg_uuid_t *ids, int count)
{
	int			wants;

	pg_memory_barrier();
	if (pg_atomic_read_u32(&celeriac_my_database()->waiters.get) == 0)
		return;
	for (int i = 0; i < count; i++)
	{
		while (celeriac_waitlist_wake(task_key(&ids[i]), CEL_WAIT_GET, &wants))
			;
	}
}

static void
wake_one(CelSession *session, uint32 kind)
{
	if (pg_atomic_compare_exchange_u32(&session->wait, &kind, CEL_WAIT_WOKEN))
		SetLatch(session->latch);
}

static bool
is_waiting(CelSession *session, Oid dboid, CelWaitKind kind)
{
	return (session->dboid == dboid || dboid == InvalidOid) &&
		pg_atomic_read_u32(&session->wait) == kind;
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

void
celeriac_wake_for_room(void)
{
	if (celeriac_claim_was_full())
		celeriac_wake_all(InvalidOid);
}
