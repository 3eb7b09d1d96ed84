/*
 * turn.c
 *		Which sessions fetch when many want many tasks.
 *
 * Turns: sessions that scan one level at the same time meet the same rows;
 * with many of them nearly all of that work is in vain.  So they take turns,
 * in the order they came.
 *
 * Seats: with short tasks a few workers keep the server busy, and each more
 * only makes every task dearer, for sessions and processes that come to their
 * batches one after the other find cold caches and fresh memory.  So a worker
 * that wants many tasks waits until its queue has a seat for it (task_wait).
 * The number of seats grows while the processors have time for more fetches
 * and finishes and somebody waits, and falls while they have none.
 *
 * A seat is kept only by fetching: left unused it is anybody's, so a worker
 * that hangs or dies blocks none.  A session that waits for a seat looks again
 * without being woken, the later the more such sessions there are; it is woken
 * when there are more seats, and when the queue has no more tasks for a session
 * that has a seat.
 */
#include "shmem/turn.h"

#include <unistd.h>

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/timestamp.h"

#include "shmem/readytable.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"

/* its class (objsubid in pg_locks) keeps it apart from users' advisory locks */
#define TURN_CLASS	0x0CE1
#define SEATS_UNLIMITED	(2 * TURN_SEATS)	/* as many as want one */

/* in microseconds */
#define SEAT_KEEP		(100 * INT64CONST(1000))
#define WINDOW			(100 * INT64CONST(1000))
#define IDLE			(5 * WINDOW)

/* of the processors, taken by fetches and finishes of many tasks */
#define LOAD_ENOUGH		0.5
#define LOAD_LITTLE		0.25

/* looks in vain, in a window, that cost nobody anything */
#define LOOKS			2

#define PAUSE_MIN_MS	4
#define PAUSE_MAX_MS	10000

/*
 * A lock of the lock manager, for it is held while a statement runs: waiting
 * for it can be cancelled, and errors let it go.
 */
static void
turn_tag(LOCKTAG *tag, const QueueRef *queue, int priority)
{
	uint64		hash = hash_combine64(queue->hash, priority);

	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (hash >> 32),
						 (uint32) hash, TURN_CLASS);
}

void
celeriac_turn_begin(const QueueRef *queue, int priority)
{
	LOCKTAG		tag;

	turn_tag(&tag, queue, priority);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

void
celeriac_turn_end(const QueueRef *queue, int priority)
{
	LOCKTAG		tag;

	turn_tag(&tag, queue, priority);
	(void) LockRelease(&tag, ExclusiveLock, false);
}

void
celeriac_turn_effort(TimestampTz began)
{
	pg_atomic_fetch_add_u64(&CelShmem->effort, GetCurrentTimestamp() - began);
}

static int
processors(void)
{
	static int	count = 0;

	if (count == 0)
		count = Max(sysconf(_SC_NPROCESSORS_ONLN), 1);
	return count;
}

/* Under the lock. */
static void
begin_window(Turns *turns, TimestampTz now)
{
	turns->window = now;
	turns->effort = pg_atomic_read_u64(&CelShmem->effort);
	turns->crowd = turns->refused;
	turns->refused = 0;
}

/* A clock that was set back must not stop it. */
static bool
window_is_over(const Turns *turns, TimestampTz now, int64 length)
{
	return now < turns->window || now - turns->window >= length;
}

/* Under the lock.  Returns how many seats there are more. */
static int
adapt_seats(Turns *turns, TimestampTz now)
{
	uint64		effort = pg_atomic_read_u64(&CelShmem->effort);
	int64		elapsed = now - turns->window;
	double		load = (double) (effort - turns->effort) / (elapsed * processors());
	int			before = turns->nseats;

	if (load > LOAD_ENOUGH)
		turns->nseats = Max(before / 2, SEATS_MIN);
	else if (load < LOAD_LITTLE && turns->refused > 0 && elapsed < IDLE)
		turns->nseats = Min(before * 2, SEATS_UNLIMITED);
	begin_window(turns, now);
	return turns->nseats - before;
}

static bool
is_free(const Seat *seat, TimestampTz now)
{
	return seat->until <= now || seat->until > now + SEAT_KEEP;
}

/*
 * Under the lock: this session's seat, else one that is free, else NULL.  One
 * that there is not any more is given up.
 */
static Seat *
find_seat(Turns *turns, TimestampTz now)
{
	Seat	   *found = NULL;

	for (int i = 0; i < TURN_SEATS; i++)
	{
		Seat	   *seat = &turns->seats[i];

		if (seat->pid == MyProcPid && i < turns->nseats)
			return seat;
		if (seat->pid == MyProcPid)
			*seat = (Seat) {0};
		else if (found == NULL && i < turns->nseats && is_free(seat, now))
			found = seat;
	}
	return found;
}

bool
celeriac_turn_admits(const QueueRef *queue, bool take)
{
	TimestampTz now = GetCurrentTimestamp();
	Turns	   *turns = celeriac_ready_lock_turns(queue);
	Seat	   *seat;
	bool		admitted;

	if (turns == NULL)
		return true;
	seat = find_seat(turns, now);
	if (seat != NULL && take)
		*seat = (Seat) {.pid = MyProcPid, .until = now + SEAT_KEEP};
	admitted = seat != NULL || turns->nseats > TURN_SEATS;
	celeriac_ready_unlock_turns(queue);
	return admitted;
}

/*
 * In ms, after the last one; not in step with others.  What a crowd was there
 * long ago says nothing of now.
 */
int
celeriac_turn_pause(const QueueRef *queue, int last)
{
	TimestampTz now = GetCurrentTimestamp();
	Turns	   *turns = celeriac_ready_lock_turns(queue);
	double		crowd = LOOKS;
	double		pause;

	if (turns != NULL)
	{
		if (window_is_over(turns, now, IDLE))
		{
			turns->refused = 0;
			begin_window(turns, now);
		}
		turns->refused++;
		crowd = Max(turns->crowd, turns->refused);
		celeriac_ready_unlock_turns(queue);
	}
	if (last == 0)
		pause = crowd / LOOKS * WINDOW / 1000;
	else
		pause = last * Min(Max(crowd / LOOKS, 0.5), 2.0);
	pause *= 0.75 + 0.5 * pg_prng_double(&pg_global_prng_state);
	return Min(Max(pause, PAUSE_MIN_MS), PAUSE_MAX_MS);
}

/* Under the lock. */
static bool
keep_seat(Turns *turns, bool keep, TimestampTz now)
{
	bool		had = false;

	for (int i = 0; i < TURN_SEATS; i++)
	{
		if (turns->seats[i].pid != MyProcPid)
			continue;
		had = true;
		turns->seats[i].until = keep ? now + SEAT_KEEP : 0;
	}
	return had;
}

bool
celeriac_turn_give_up(const QueueRef *queue)
{
	Turns	   *turns = celeriac_ready_lock_turns(queue);
	bool		had;

	if (turns == NULL)
		return false;
	had = keep_seat(turns, false, 0);
	celeriac_ready_unlock_turns(queue);
	if (had)
		celeriac_wake_seats(queue, INT_MAX);
	return had;
}

void
celeriac_turn_fetched(const QueueRef *queue, TurnYield yield)
{
	TimestampTz now = GetCurrentTimestamp();
	Turns	   *turns;
	int			more = 0;

	if (yield == TURN_LESS && celeriac_turn_give_up(queue))
		return;
	if ((turns = celeriac_ready_lock_turns(queue)) == NULL)
		return;
	(void) keep_seat(turns, yield == TURN_ALL, now);
	if (window_is_over(turns, now, WINDOW))
		more = adapt_seats(turns, now);
	celeriac_ready_unlock_turns(queue);
	if (more > 0)
		celeriac_wake_seats(queue, more);
}
