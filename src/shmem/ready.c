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
 * A level that is not in the table is not known to exist: after a restart
 * the first fetch from a queue discovers the priorities it holds.  When the
 * table is full, levels cannot be remembered and fetches of that queue
 * discover them each time: slower, never wrong.  The coordinator then looks
 * for leases in the whole table.
 *
 * One lock guards the tables.  Nothing is ever removed from them, so what was
 * found under it is remembered by the backend, and found again without it: on
 * the way of a task there is only the spinlock of its level, under which
 * positions and epochs change.
 */
#include "shmem/ready.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/hsearch.h"

#include "base/guc.h"
#include "shmem/database.h"

#define READY_LOCKS	"celeriac_ready"

typedef struct QueueKey
{
	Oid			dboid;
	char		name[CELERIAC_QUEUE_LEN];
} QueueKey;

/* priorities a queue may hold, as bits; they change under the lock */
#define PRIORITY_WORDS	((CELERIAC_MAX_PRIORITY + 64) / 64)

typedef struct ReadyQueue
{
	QueueKey	key;			/* hash key, must be first */
	pg_atomic_uint32 discovered;
	pg_atomic_uint64 priorities[PRIORITY_WORDS];
	Turns		turns;
} ReadyQueue;

typedef struct LevelKey
{
	QueueKey	queue;
	int			priority;
} LevelKey;

/*
 * Pushes since some epoch, as suffix minima: ready grows with epoch.  When
 * the array is full, neighbours are merged, which is coarser but safe.
 */
#define LEVEL_PUSHES	32

typedef struct LevelPush
{
	uint64		epoch;
	int64		ready;
} LevelPush;

typedef struct SharedLevel
{
	LevelKey	key;			/* hash key, must be first */
	slock_t		mutex;
	int64		position;
	int64		highest;		/* no lease was ever beyond it */
	uint64		epoch;
	int			npushes;
	LevelPush	pushes[LEVEL_PUSHES];
} SharedLevel;

static HTAB *queues = NULL;
static HTAB *levels = NULL;
static LWLock *ready_lock = NULL;

/* What this backend found, by hash; another that hashes alike takes its place. */
#define REMEMBERED	64

static ReadyQueue *known_queues[REMEMBERED];
static SharedLevel *known_levels[REMEMBERED];

Size
celeriac_ready_shmem_size(void)
{
	RequestNamedLWLockTranche(READY_LOCKS, 1);
	return add_size(hash_estimate_size(celeriac_max_queues, sizeof(ReadyQueue)),
					hash_estimate_size(celeriac_max_queues, sizeof(SharedLevel)));
}

void
celeriac_ready_shmem_startup(void)
{
	HASHCTL		queue_info = {
		.keysize = sizeof(QueueKey),
		.entrysize = sizeof(ReadyQueue)
	};
	HASHCTL		level_info = {
		.keysize = sizeof(LevelKey),
		.entrysize = sizeof(SharedLevel)
	};

	ready_lock = &GetNamedLWLockTranche(READY_LOCKS)[0].lock;
	queues = ShmemInitHash("celeriac queues", celeriac_max_queues,
						   celeriac_max_queues, &queue_info,
						   HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	levels = ShmemInitHash("celeriac levels", celeriac_max_queues,
						   celeriac_max_queues, &level_info,
						   HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
}

uint64
celeriac_queue_hash(const char *queue)
{
	return hash_bytes_extended((const unsigned char *) queue, strlen(queue), 0);
}

static QueueKey
queue_key(Oid dboid, const char *name)
{
	QueueKey	key;

	memset(&key, 0, sizeof(key));
	key.dboid = dboid;
	strlcpy(key.name, name, sizeof(key.name));
	return key;
}

/* Under the lock. */
static SharedLevel *
search_level(Oid dboid, const char *queue, int priority, HASHACTION action,
			 bool *found)
{
	LevelKey	key;

	memset(&key, 0, sizeof(key));
	key.queue = queue_key(dboid, queue);
	key.priority = priority;
	return hash_search(levels, &key, action, found);
}

static bool
is_queue(const QueueKey *key, Oid dboid, const char *queue)
{
	return key->dboid == dboid && strcmp(key->name, queue) == 0;
}

/* NULL = not in the table. */
static ReadyQueue *
find_queue(const char *queue)
{
	ReadyQueue **known = &known_queues[celeriac_queue_hash(queue) % REMEMBERED];
	QueueKey	key;

	if (*known != NULL && is_queue(&(*known)->key, MyDatabaseId, queue))
		return *known;
	key = queue_key(MyDatabaseId, queue);
	LWLockAcquire(ready_lock, LW_SHARED);
	*known = hash_search(queues, &key, HASH_FIND, NULL);
	LWLockRelease(ready_lock);
	return *known;
}

static SharedLevel *
find_level(Oid dboid, const char *queue, int priority)
{
	SharedLevel **known =
		&known_levels[(celeriac_queue_hash(queue) + priority) % REMEMBERED];

	if (*known != NULL && (*known)->key.priority == priority &&
		is_queue(&(*known)->key.queue, dboid, queue))
		return *known;
	LWLockAcquire(ready_lock, LW_SHARED);
	*known = search_level(dboid, queue, priority, HASH_FIND, NULL);
	LWLockRelease(ready_lock);
	return *known;
}

static void
read_level(const char *queue, int priority, ReadyLevel *copy)
{
	SharedLevel *level = find_level(MyDatabaseId, queue, priority);

	copy->priority = priority;
	copy->position = 0;
	copy->epoch = 0;
	copy->highest = 0;
	if (level == NULL)
		return;
	SpinLockAcquire(&level->mutex);
	copy->position = level->position;
	copy->epoch = level->epoch;
	copy->highest = level->highest;
	SpinLockRelease(&level->mutex);
}

/*
 * The levels of a queue, highest priority first, into an array of
 * CELERIAC_MAX_PRIORITY + 1.  To be called before the snapshot is taken.
 */
bool
celeriac_ready_levels(const char *queue, ReadyLevel *copies, int *count)
{
	ReadyQueue *entry = find_queue(queue);

	*count = 0;
	if (entry == NULL || pg_atomic_read_u32(&entry->discovered) == 0)
		return false;
	pg_read_barrier();
	for (int word = PRIORITY_WORDS - 1; word >= 0; word--)
	{
		uint64		bits = pg_atomic_read_u64(&entry->priorities[word]);

		while (bits != 0)
		{
			int			bit = pg_leftmost_one_pos64(bits);

			bits &= ~(UINT64CONST(1) << bit);
			read_level(queue, word * 64 + bit, &copies[(*count)++]);
		}
	}
	return true;
}

/* Who fetches from it; NULL = not in the table. */
Turns *
celeriac_ready_turns(const char *queue)
{
	ReadyQueue *entry = find_queue(queue);

	return entry == NULL ? NULL : &entry->turns;
}

void
celeriac_ready_look_again(const char *queue, ReadyLevel *level)
{
	read_level(queue, level->priority, level);
}

int
celeriac_ready_all_levels(ReadyLevel *copies)
{
	for (int i = 0; i <= CELERIAC_MAX_PRIORITY; i++)
	{
		memset(&copies[i], 0, sizeof(ReadyLevel));
		copies[i].priority = CELERIAC_MAX_PRIORITY - i;
	}
	return CELERIAC_MAX_PRIORITY + 1;
}

static void
init_turns(Turns *turns)
{
	memset(turns, 0, sizeof(*turns));
	SpinLockInit(&turns->mutex);
	turns->nseats = SEATS_MIN;
}

/* Under the lock, exclusively; NULL = there is no room. */
static ReadyQueue *
add_queue(Oid dboid, const char *queue)
{
	QueueKey	key = queue_key(dboid, queue);
	bool		found;
	ReadyQueue *entry = hash_search(queues, &key, HASH_ENTER_NULL, &found);

	if (entry == NULL || found)
		return entry;
	pg_atomic_init_u32(&entry->discovered, 0);
	init_turns(&entry->turns);
	for (int i = 0; i < PRIORITY_WORDS; i++)
		pg_atomic_init_u64(&entry->priorities[i], 0);
	return entry;
}

/* Under the lock, exclusively: the level may hold tasks from now on. */
static SharedLevel *
add_level(Oid dboid, const char *queue, int priority)
{
	ReadyQueue *entry = add_queue(dboid, queue);
	SharedLevel *level;
	bool		found;

	if (entry == NULL)
		return NULL;
	level = search_level(dboid, queue, priority, HASH_ENTER_NULL, &found);
	if (level == NULL)
	{
		pg_atomic_write_u32(&entry->discovered, 0);
		return NULL;
	}
	if (!found)
	{
		SpinLockInit(&level->mutex);
		level->position = 0;
		level->highest = 0;
		level->epoch = 1;
		level->npushes = 0;
	}
	pg_atomic_fetch_or_u64(&entry->priorities[priority / 64],
						   UINT64CONST(1) << (priority % 64));
	return level;
}

/* That there is no task is remembered as well. */
void
celeriac_ready_discovered(const char *queue, const int *priorities, int count)
{
	bool		complete = true;
	ReadyQueue *entry;

	LWLockAcquire(ready_lock, LW_EXCLUSIVE);
	for (int i = 0; i < count; i++)
	{
		if (add_level(MyDatabaseId, queue, priorities[i]) == NULL)
			complete = false;
	}
	entry = add_queue(MyDatabaseId, queue);
	if (entry != NULL && complete)
		pg_atomic_exchange_u32(&entry->discovered, 1);
	LWLockRelease(ready_lock);
}

/* How far a fetch that saw this epoch may go; under the level's mutex. */
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

void
celeriac_ready_advance(const char *queue, const ReadyLevel *seen,
					   int64 position, bool leased)
{
	SharedLevel *level = find_level(MyDatabaseId, queue, seen->priority);

	if (level == NULL)
	{
		if (leased)
			celeriac_my_database()->unwatched = true;
		return;
	}
	SpinLockAcquire(&level->mutex);
	if (seen->epoch > 0)
		level->position = Max(level->position,
							  advance_limit(level, seen->epoch, position));
	if (leased)
		level->highest = Max(level->highest, position);
	SpinLockRelease(&level->mutex);
}

/* Under the level's mutex: remember that this number became claimable now. */
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

void
celeriac_ready_push_back(Oid dboid, const char *queue, int priority,
						 int64 ready)
{
	SharedLevel *level = find_level(dboid, queue, priority);

	if (level == NULL)
	{
		LWLockAcquire(ready_lock, LW_EXCLUSIVE);
		level = add_level(dboid, queue, priority);
		LWLockRelease(ready_lock);
	}
	if (level == NULL)
		return;
	SpinLockAcquire(&level->mutex);
	level->position = Min(level->position, ready - 1);
	remember_push(level, ready);
	SpinLockRelease(&level->mutex);
}

/* Nothing is known of this database any more: all must be found again. */
void
celeriac_ready_forget(Oid dboid)
{
	HASH_SEQ_STATUS scan;
	ReadyQueue *entry;
	SharedLevel *level;

	LWLockAcquire(ready_lock, LW_EXCLUSIVE);
	hash_seq_init(&scan, queues);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->key.dboid == dboid)
			pg_atomic_write_u32(&entry->discovered, 0);
	}
	hash_seq_init(&scan, levels);
	while ((level = hash_seq_search(&scan)) != NULL)
	{
		if (level->key.queue.dboid != dboid)
			continue;
		SpinLockAcquire(&level->mutex);
		level->position = 0;
		remember_push(level, 1);
		SpinLockRelease(&level->mutex);
	}
	LWLockRelease(ready_lock);
}

ClaimedLevel *
celeriac_ready_claimed_levels(int *count)
{
	ClaimedLevel *list = palloc(celeriac_max_queues * sizeof(ClaimedLevel));
	HASH_SEQ_STATUS scan;
	SharedLevel *level;

	*count = 0;
	LWLockAcquire(ready_lock, LW_SHARED);
	hash_seq_init(&scan, levels);
	while ((level = hash_seq_search(&scan)) != NULL)
	{
		ClaimedLevel *copy = &list[*count];

		if (level->key.queue.dboid != MyDatabaseId || level->highest == 0)
			continue;
		strlcpy(copy->queue, level->key.queue.name, sizeof(copy->queue));
		copy->priority = level->key.priority;
		copy->highest = level->highest;
		(*count)++;
	}
	LWLockRelease(ready_lock);
	return list;
}

/* After a restart: leases reach up to here. */
void
celeriac_ready_set_highest(const char *queue, int priority, int64 highest)
{
	SharedLevel *level;

	LWLockAcquire(ready_lock, LW_EXCLUSIVE);
	level = add_level(MyDatabaseId, queue, priority);
	if (level != NULL)
		level->highest = Max(level->highest, highest);
	else
		celeriac_my_database()->unwatched = true;
	LWLockRelease(ready_lock);
}
