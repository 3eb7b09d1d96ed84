/*
 * stop.c
 *		Stopping what an executor runs: time limits, revokes, shutdown.
 *
 * To stop a task is to cancel its statement, as pg_cancel_backend() does; the
 * error reaches the function, which may catch it.  After a soft limit or a
 * user's cancel that is its right.  Where it must end, it is cancelled again
 * at every tick of a timer, and if it survives many of them, the executor ends
 * with a FATAL error: its transaction is rolled back and its claims are lost.
 * A task that ends the executor by ignoring its hard limit is marked, so that
 * it is not tried again.
 *
 * A function that never checks for interrupts cannot be stopped, as ever in
 * PostgreSQL.
 *
 * The timer ticks only while there is work.  It also ends an executor that
 * should stop but waits for a lock in its own statements.
 *
 * Signal handlers read what is written here in an order that never shows them
 * a running task with another one's limits.
 */
#include "executor/stop.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "process/blackbox.h"
#include "shmem/claim.h"
#include "shmem/session.h"
#include "shmem/shmem.h"

#define TICK_MS			20

/* A task that shares a transaction may hold up the others so long. */
#define YIELD_MS		20

/* Cancelled that often in vain, a task takes its executor with it. */
#define MAX_TRIES		50

typedef struct Running
{
	volatile sig_atomic_t active;	/* may be cancelled */
	volatile sig_atomic_t reason;	/* CancelReason */
	volatile sig_atomic_t soft_reached;
	volatile sig_atomic_t killed;	/* the executor ends because of it */
	TimestampTz yield_at;		/* NEVER = need not */
	TimestampTz soft_at;
	TimestampTz hard_at;
} Running;

static const pg_uuid_t none = {{0}};

static Running running;
static CelSession *session = NULL;
static pg_uuid_t signalled;		/* by the last revoke that had its signal */
static volatile sig_atomic_t tries = 0;

static TimeoutId tick_timeout;
static TimeoutId soft_timeout;
static TimeoutId hard_timeout;

/*
 * Of these two the later one counts: the task may have caught the other, and
 * gone on.
 */
static bool
follows_soft_limit(CancelReason reason)
{
	return reason == CANCEL_USER && running.reason == CANCEL_SOFT;
}

/*
 * Called by signal handlers: request, and leave the rest to
 * CHECK_FOR_INTERRUPTS.
 */
static void
request_cancel(CancelReason reason)
{
	if (reason > running.reason || follows_soft_limit(reason))
		running.reason = reason;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
request_end(void)
{
	running.killed = running.active;
	ProcDiePending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static void
check_limits(TimestampTz now)
{
	if (now >= running.hard_at)
		request_cancel(CANCEL_HARD);
	else if (now >= running.soft_at)
	{
		running.soft_at = NEVER;
		running.soft_reached = true;
		request_cancel(CANCEL_SOFT);
	}
	else if (now >= running.yield_at)
		request_cancel(CANCEL_YIELD);
}

static void
handle_tick(void)
{
	if (running.active)
	{
		check_limits(GetCurrentTimestamp());
		if (running.reason >= CANCEL_STOP || running.reason == CANCEL_YIELD)
			request_cancel(running.reason);
	}
	if (ShutdownRequestPending || (running.active && running.reason >= CANCEL_STOP))
	{
		if (++tries > MAX_TRIES)
			request_end();
	}
}

static void
handle_limit(void)
{
	if (running.active)
		check_limits(GetCurrentTimestamp());
}

static bool
same_task(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a, b, UUID_LEN) == 0;
}

/*
 * Does this signal come of a revoke?  A revoke first names its task, then sends
 * a signal, so the first signal since a task was named is the revoke's, though
 * it may arrive when that task has ended; any other is pg_cancel_backend()'s.
 * A name is not removed when it has had its signal: a revoke may be about to
 * write the next one.
 */
static bool
comes_of_revoke(void)
{
	if (same_task(&session->cancel, &none) || same_task(&session->cancel, &signalled))
		return false;
	signalled = session->cancel;
	return true;
}

static bool
is_revoked(void)
{
	return same_task(&session->cancel, &session->current);
}

static void
handle_sigint(SIGNAL_ARGS)
{
	int			save_errno = errno;
	bool		revoke = comes_of_revoke();

	if (running.active && is_revoked())
		request_cancel(CANCEL_TERMINATE);
	else if (running.active && !revoke)
		request_cancel(CANCEL_USER);
	errno = save_errno;
}

/* The task is stopped and handed back; between tasks the loop sees the flag. */
static void
handle_sigterm(SIGNAL_ARGS)
{
	int			save_errno = errno;

	ShutdownRequestPending = true;
	if (running.active)
		request_cancel(CANCEL_STOP);
	SetLatch(MyLatch);
	errno = save_errno;
}

/* Runs before the session's own hook, which loses the claims without a word. */
static void
mark_killer(int code, Datum arg)
{
	if (!running.killed || code == 0)
		return;
	ereport(LOG,
			(errmsg("a task did not stop when it was cancelled, and ended its executor")));
	celeriac_claim_lose_session(CELERIAC_MY_SLOT, running.reason == CANCEL_HARD,
								&session->current);
}

void
celeriac_stop_init(void)
{
	session = celeriac_my_session();
	celeriac_blackbox_open();
	before_shmem_exit(mark_killer, (Datum) 0);
	tick_timeout = RegisterTimeout(USER_TIMEOUT, handle_tick);
	soft_timeout = RegisterTimeout(USER_TIMEOUT, handle_limit);
	hard_timeout = RegisterTimeout(USER_TIMEOUT, handle_limit);
	pqsignal(SIGINT, handle_sigint);
	pqsignal(SIGTERM, handle_sigterm);
}

void
celeriac_stop_busy(void)
{
	if (!get_timeout_active(tick_timeout))
		enable_timeout_every(tick_timeout,
							 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TICK_MS),
							 TICK_MS);
}

void
celeriac_stop_idle(void)
{
	disable_timeout(tick_timeout, false);
}

static TimestampTz
limit_end_time(TimestampTz now, double seconds)
{
	if (seconds <= 0 || seconds > 1e9)
		return NEVER;
	return now + (TimestampTz) (seconds * USECS_PER_SEC);
}

void
celeriac_stop_next(const pg_uuid_t *id)
{
	/* an earlier attempt of the same task was revoked, which is over */
	if (same_task(&session->cancel, id))
		session->cancel = signalled = none;
	session->current = *id;
}

void
celeriac_stop_begin(double soft, double hard, bool shares)
{
	TimestampTz now = GetCurrentTimestamp();

	running.soft_at = limit_end_time(now, soft);
	running.hard_at = limit_end_time(now, hard);
	running.yield_at = shares ? TimestampTzPlusMilliseconds(now, YIELD_MS) : NEVER;
	running.reason = CANCEL_NONE;
	running.soft_reached = false;
	tries = 0;
	celeriac_blackbox_begin(&session->current);
	pg_compiler_barrier();
	running.active = true;
	if (running.soft_at != NEVER)
		enable_timeout_at(soft_timeout, running.soft_at);
	if (running.hard_at != NEVER)
		enable_timeout_at(hard_timeout, running.hard_at);

	/* a signal may have come just before it became active */
	if (is_revoked())
		request_cancel(CANCEL_TERMINATE);
	if (ShutdownRequestPending)
		request_cancel(CANCEL_STOP);
}

CancelReason
celeriac_stop_end(void)
{
	running.active = false;
	pg_compiler_barrier();
	celeriac_blackbox_end();
	if (running.soft_at != NEVER || get_timeout_active(soft_timeout))
		disable_timeout(soft_timeout, false);
	if (running.hard_at != NEVER)
		disable_timeout(hard_timeout, false);
	QueryCancelPending = false;
	/* a module's task may end between the request to end and its execution */
	if (!running.killed)
		session->current = none;
	return running.reason;
}

bool
celeriac_stop_soft_reached(void)
{
	return running.soft_reached || running.reason >= CANCEL_STOP;
}

bool
celeriac_stop_requested(void)
{
	return running.reason >= CANCEL_STOP;
}
