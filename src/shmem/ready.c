/*
 * ready.c
 *		Where the next ready task of each queue and priority may be.
 *
 * Finished tasks leave dead entries at the head of the dispatch index until
 * vacuum passes; walking them for every fetch is what slows other queues
 * down.  So each level (queue and priority) remembers a position: no task
 * that can be claimed is at or before it.  Everything that becomes ready
 * takes a newer number and joins at the tail.
 *
 * A number can become visible late: taken before others, committed after
 * them.  The commit callback of its transaction then pushes the position
 * back.  A fetch that took its snapshot before that commit must not move the
 * position forward over it again: each level remembers the latest pushes by
 * epoch, and a fetch moves the position only up to the lowest of those that
 * came after the epoch it read before its snapshot.  A claim that is given up
 * pushes back too.
 *
 * There are two tables of fixed size, one of queues and one of levels.  What is
 * not in them is not lost.  A queue that is not there is discovered by the first
 * fetch from it, which reads what priorities it holds; one that is there knows
 * them from then on.  A level that is not there has no position, and is searched
 * from its beginning.  A fetch enters what is missing; a push does not, because a
 * queue that no session fetches from needs no position.
 *
 * When a table is full, what nobody has fetched from for a while makes room
 * (readytable.c).  Then a fetch that was about to move a position does not find
 * it any more, and moves none.  If nothing makes room, a fetch does without:
 * slower, never wrong.
 */
#include "shmem/ready.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/timestamp.h"

#include "shmem/database.h"
#include "shmem/readytable.h"
#include "shmem/shmem.h"

/*
 * Levels
 */
static void
read_level(const QueueRef *queue, int priority, TimestampTz now, ReadyLevel *copy)
{
	KnownLevel *known = celeriac_ready_known_level(queue, priority);

	copy->priority = priority;
	copy->shared = NULL;
	if (celeriac_ready_is_here(queue))
	{
		if (!celeriac_ready_is_known(known, queue, priority))
			celeriac_ready_find_level(queue, priority, now);
		copy->shared = known->place;
		copy->generation = known->generation;
	}
	if (copy->shared != NULL)
		celeriac_ready_use_level(copy->shared, now);
	celeriac_ready_look_again(copy);
}

void
celeriac_ready_level(const QueueRef *queue, int priority, ReadyLevel *level)
{
	read_level(queue, priority, GetCurrentTimestamp(), level);
}

void
celeriac_ready_look_again(ReadyLevel *level)
{
	SharedLevel *shared = level->shared;

	level->position = 0;
	level->epoch = 0;
	if (shared == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_SHARED);
	if (pg_atomic_read_u64(&shared->generation) == level->generation)
	{
		level->position = shared->position;
		level->epoch = shared->epoch;
	}
	LWLockRelease(&shared->lock);
}

/*
 * False = not discovered.  Without a lock: what was read is the queue's only if
 * its place was still its own after that.
 */
static bool
read_priorities(const QueueRef *queue, uint64 *priorities)
{
	bool		discovered;

	if (!celeriac_ready_is_here(queue))
		return false;
	discovered = pg_atomic_read_u32(&queue->place->discovered) != 0;
	pg_read_barrier();
	for (int i = 0; i < PRIORITY_WORDS; i++)
		priorities[i] = pg_atomic_read_u64(&queue->place->priorities[i]);
	pg_read_barrier();
	return discovered && celeriac_ready_is_here(queue);
}

bool
celeriac_ready_levels(QueueRef *queue, ReadyLevel *copies, int *count)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64		priorities[PRIORITY_WORDS];

	*count = 0;
	if (!celeriac_ready_is_here(queue))
		*queue = celeriac_queue_ref(queue->name);
	if (!read_priorities(queue, priorities))
		return false;
	celeriac_ready_use_queue(queue->place, now);
	for (int word = PRIORITY_WORDS - 1; word >= 0; word--)
	{
		while (priorities[word] != 0)
		{
			int			bit = pg_leftmost_one_pos64(priorities[word]);

			priorities[word] &= ~(UINT64CONST(1) << bit);
			read_level(queue, word * 64 + bit, now, &copies[(*count)++]);
		}
	}
	return true;
}

/*
 * Discovery
 *
 * The queue is entered before the snapshot that its priorities are read with:
 * whatever becomes visible after that snapshot is noted here by its push.
 */
bool
celeriac_ready_discover(QueueRef *queue, uint64 *forgets)
{
	TimestampTz now = GetCurrentTimestamp();
	CelDatabase *db = celeriac_my_database();
	bool		entered;

	if (!celeriac_ready_is_here(queue) && celeriac_ready_queues_full(now))
		return false;
	LWLockAcquire(celeriac_ready_lock, LW_EXCLUSIVE);
	entered = celeriac_ready_enter_queue(queue, db, now);
	if (entered)
		*forgets = queue->place->forgets;
	LWLockRelease(celeriac_ready_lock);
	return entered;
}

/* That there is no task is remembered as well. */
void
celeriac_ready_discovered(const QueueRef *queue, uint64 forgets,
						  const int *priorities, int count)
{
	LWLockAcquire(celeriac_ready_lock, LW_EXCLUSIVE);
	if (celeriac_ready_is_here(queue) && queue->place->forgets == forgets)
	{
		for (int i = 0; i < count; i++)
			celeriac_ready_note_priority(queue->place, priorities[i]);
		pg_atomic_exchange_u32(&queue->place->discovered, 1);
	}
	LWLockRelease(celeriac_ready_lock);
}

/*
 * Positions
 */

/* How far a fetch that saw this epoch may go; under the level's lock. */
static int64
advance_limit(const SharedLevel *level, uint64 epoch, int64 position)
{
	for (int i = 0; i < level->npushes; i++)
	{
		if (level->pushes[i].epoch > epoch)
			return Min(position, level->pushes[i].ready - 1);
	}
	return position;
}

/* Lock the place if it still holds the level of that generation. */
static bool
lock_level(SharedLevel *level, uint64 generation)
{
	if (level == NULL)
		return false;
	LWLockAcquire(&level->lock, LW_EXCLUSIVE);
	if (pg_atomic_read_u64(&level->generation) == generation)
		return true;
	LWLockRelease(&level->lock);
	return false;
}

void
celeriac_ready_advance(const ReadyLevel *seen, int64 position, bool leased)
{
	SharedLevel *level = seen->shared;

	if (!lock_level(level, seen->generation))
	{
		if (leased)
			celeriac_my_database()->unwatched = true;
		return;
	}
	if (seen->epoch > 0)
		level->position = Max(level->position,
							  advance_limit(level, seen->epoch, position));
	if (leased)
		level->highest = Max(level->highest, position);
	LWLockRelease(&level->lock);
}

/* Under the level's lock: remember that this number became claimable now. */
static void
remember_push(SharedLevel *level, int64 ready)
{
	level->epoch++;
	while (level->npushes > 0 && level->pushes[level->npushes - 1].ready >= ready)
		level->npushes--;
	if (level->npushes == LEVEL_PUSHES)
	{
		for (int i = 0; i < LEVEL_PUSHES / 2; i++)
		{
			level->pushes[i].ready = level->pushes[2 * i].ready;
			level->pushes[i].epoch = level->pushes[2 * i + 1].epoch;
		}
		level->npushes = LEVEL_PUSHES / 2;
	}
	level->pushes[level->npushes].epoch = level->epoch;
	level->pushes[level->npushes].ready = ready;
	level->npushes++;
}

/* Likewise. */
static void
push_level(SharedLevel *level, int64 ready)
{
	level->position = Min(level->position, ready - 1);
	remember_push(level, ready);
}

/* True = it is where this backend found it before. */
static bool
push_known(const QueueRef *queue, int priority, int64 ready)
{
	KnownLevel *known = celeriac_ready_known_level(queue, priority);

	if (!celeriac_ready_is_here(queue) || !celeriac_ready_is_known(known, queue, priority) ||
		!lock_level(known->place, known->generation))
		return false;
	push_level(known->place, ready);
	LWLockRelease(&known->place->lock);
	return true;
}

/* Under the lock, so that nobody enters it meanwhile. */
static void
push_searched(QueueRef *queue, int priority, int64 ready)
{
	SharedLevel *level;

	celeriac_ready_search_queue(queue);
	if (queue->place == NULL)
		return;
	celeriac_ready_note_priority(queue->place, priority);
	level = celeriac_ready_search_level(queue->place, priority);
	celeriac_ready_remember_level(queue, priority, level);
	if (level == NULL)
		return;
	LWLockAcquire(&level->lock, LW_EXCLUSIVE);
	push_level(level, ready);
	LWLockRelease(&level->lock);
}

void
celeriac_ready_push_back(const char *name, int priority, int64 ready)
{
	QueueRef	queue = celeriac_queue_ref(name);

	if (push_known(&queue, priority, ready))
		return;
	LWLockAcquire(celeriac_ready_lock, LW_SHARED);
	push_searched(&queue, priority, ready);
	LWLockRelease(celeriac_ready_lock);
}

/* Under the lock, exclusively. */
static void
forget_queue(ReadyQueue *queue)
{
	SharedLevel *level = NULL;

	queue->forgets++;
	pg_atomic_write_u32(&queue->discovered, 0);
	while ((level = celeriac_ready_next_level(queue, level)) != NULL)
	{
		LWLockAcquire(&level->lock, LW_EXCLUSIVE);
		push_level(level, 1);
		LWLockRelease(&level->lock);
	}
	celeriac_ready_disuse_queue(queue);
}

/* Nothing is known of this database any more: all must be found again. */
void
celeriac_ready_forget(Oid dboid)
{
	ReadyQueue *queue = NULL;

	LWLockAcquire(celeriac_ready_lock, LW_EXCLUSIVE);
	while ((queue = celeriac_ready_next_queue(queue, dboid)) != NULL)
		forget_queue(queue);
	LWLockRelease(celeriac_ready_lock);
}

/*
 * Leases
 */
static int64
level_highest(SharedLevel *level)
{
	int64		highest;

	LWLockAcquire(&level->lock, LW_SHARED);
	highest = level->highest;
	LWLockRelease(&level->lock);
	return highest;
}

/* Under the lock.  Returns how many the list has then. */
static int
list_claimed(const ReadyQueue *queue, ClaimedLevel *list, int count)
{
	SharedLevel *level = NULL;

	while ((level = celeriac_ready_next_level(queue, level)) != NULL)
	{
		ClaimedLevel *copy = &list[count];

		copy->highest = level_highest(level);
		if (copy->highest == 0)
			continue;
		strlcpy(copy->queue, queue->key.name, sizeof(copy->queue));
		copy->priority = level->priority;
		count++;
	}
	return count;
}

ClaimedLevel *
celeriac_ready_claimed_levels(int *count)
{
	ClaimedLevel *list = palloc_extended(celeriac_ready_level_room() * sizeof(ClaimedLevel),
										 MCXT_ALLOC_HUGE);
	ReadyQueue *queue = NULL;

	*count = 0;
	LWLockAcquire(celeriac_ready_lock, LW_SHARED);
	while ((queue = celeriac_ready_next_queue(queue, MyDatabaseId)) != NULL)
		*count = list_claimed(queue, list, *count);
	LWLockRelease(celeriac_ready_lock);
	return list;
}

/* After a restart: leases reach up to here. */
void
celeriac_ready_set_highest(const char *name, int priority, int64 highest)
{
	TimestampTz now = GetCurrentTimestamp();
	CelDatabase *db = celeriac_my_database();
	QueueRef	queue = {.name = name};
	SharedLevel *level = NULL;

	LWLockAcquire(celeriac_ready_lock, LW_EXCLUSIVE);
	if (celeriac_ready_enter_queue(&queue, db, now))
		level = celeriac_ready_enter_level(queue.place, priority, now);
	if (level != NULL)
	{
		LWLockAcquire(&level->lock, LW_EXCLUSIVE);
		level->highest = Max(level->highest, highest);
		LWLockRelease(&level->lock);
	}
	LWLockRelease(celeriac_ready_lock);
	if (level == NULL)
		db->unwatched = true;
}
