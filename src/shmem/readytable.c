/*
 * readytable.c
 *		The tables of ready.c: queues by name, and the levels of each.
 *
 * Both have places, in arrays of fixed size.  When all are taken, what nobody
 * has fetched from for a while makes room; if there is no such thing, there is
 * none.  A place that is given to another gets a new generation, which tells a
 * session that found the place before that what was there has gone.
 *
 * Locks, in this order:
 *	1. celeriac_ready_lock: what is in the tables, and where.  Exclusively to
 *	   change that; shared is enough to look, and to note a priority.
 *	2. the lock of one place: its generation, and what a level, or the turns of a
 *	   queue, say.
 * On the way of a task there is only the second: each backend remembers where it
 * found what.
 */
#include "shmem/readytable.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

#include "base/guc.h"

#define READY_LOCKS	"celeriac_ready"
#define PLACE_LOCKS	"celeriac_level"

/*
 * Not used for so long: makes room.  To discover a queue anew takes a thousandth
 * of that.  Noted at most four times in that time.
 */
#define IDLE		(200 * INT64CONST(1000))

/* So many places are looked at in one go, and not again for so long. */
#define SWEEP		256
#define SWEEP_PAUSE	(10 * INT64CONST(1000))

/* By name, which place. */
typedef struct QueueEntry
{
	QueueKey	key;			/* hash key, must be first */
	int			number;
} QueueEntry;

/* The places of a table, by number. */
typedef struct Places
{
	int			room;
	int			taken;			/* those beyond were never used */
	int			hand;			/* where the search for an idle one goes on */
	pg_atomic_uint64 full_at;	/* TimestampTz of the last search in vain */
	pg_atomic_uint64 *used;		/* of each: about when it was last */
} Places;

typedef struct ReadyTable
{
	uint64		generation;		/* the last one given */
	Places		queues;
	Places		levels;
} ReadyTable;

LWLock	   *celeriac_ready_lock = NULL;

static ReadyTable *table = NULL;
static ReadyQueue *queues = NULL;
static SharedLevel *levels = NULL;
static HTAB *queue_names = NULL;

/* What this backend found, by hash; another that hashes alike takes its place. */
#define REMEMBERED	256

typedef struct KnownQueue
{
	uint64		hash;
	ReadyQueue *place;
	uint64		generation;
	char		name[CELERIAC_QUEUE_LEN];
} KnownQueue;

static KnownQueue known_queues[REMEMBERED];
static KnownLevel known_levels[REMEMBERED];

/*
 * Layout
 */

/* Two priorities for each queue, and all there are for one. */
int
celeriac_ready_level_room(void)
{
	return 2 * celeriac_max_queues + CELERIAC_MAX_PRIORITY + 1;
}

static Size
array_size(int count, Size size)
{
	return MAXALIGN(mul_size(count, size));
}

static Size
table_size(void)
{
	Size		size = MAXALIGN(sizeof(ReadyTable));

	size = add_size(size, array_size(celeriac_max_queues, sizeof(ReadyQueue)));
	size = add_size(size, array_size(celeriac_ready_level_room(), sizeof(SharedLevel)));
	size = add_size(size, array_size(celeriac_max_queues, sizeof(pg_atomic_uint64)));
	return add_size(size, array_size(celeriac_ready_level_room(), sizeof(pg_atomic_uint64)));
}

Size
celeriac_readytable_size(void)
{
	RequestNamedLWLockTranche(READY_LOCKS, 1);
	RequestNamedLWLockTranche(PLACE_LOCKS, 1);
	return add_size(table_size(),
					hash_estimate_size(celeriac_max_queues, sizeof(QueueEntry)));
}

static void
init_places(Places *places, int room, void *used)
{
	places->room = room;
	places->used = used;
	pg_atomic_init_u64(&places->full_at, 0);
	for (int i = 0; i < room; i++)
		pg_atomic_init_u64(&places->used[i], 0);
}

static void
init_table(void)
{
	int			tranche = GetNamedLWLockTranche(PLACE_LOCKS)[0].lock.tranche;
	char	   *used = (char *) levels + array_size(celeriac_ready_level_room(), sizeof(SharedLevel));

	memset(table, 0, table_size());
	init_places(&table->queues, celeriac_max_queues, used);
	used += array_size(celeriac_max_queues, sizeof(pg_atomic_uint64));
	init_places(&table->levels, celeriac_ready_level_room(), used);
	for (int i = 0; i < celeriac_max_queues; i++)
	{
		LWLockInitialize(&queues[i].lock, tranche);
		pg_atomic_init_u64(&queues[i].generation, 0);
	}
	for (int i = 0; i < celeriac_ready_level_room(); i++)
	{
		LWLockInitialize(&levels[i].lock, tranche);
		pg_atomic_init_u64(&levels[i].generation, 0);
	}
}

void
celeriac_readytable_startup(void)
{
	HASHCTL		info = {
		.keysize = sizeof(QueueKey),
		.entrysize = sizeof(QueueEntry)
	};
	bool		found;

	celeriac_ready_lock = &GetNamedLWLockTranche(READY_LOCKS)[0].lock;
	queue_names = ShmemInitHash("celeriac queues", celeriac_max_queues,
								celeriac_max_queues, &info,
								HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	table = ShmemInitStruct("celeriac positions", table_size(), &found);
	queues = (ReadyQueue *) ((char *) table + MAXALIGN(sizeof(ReadyTable)));
	levels = (SharedLevel *) ((char *) queues +
							  array_size(celeriac_max_queues, sizeof(ReadyQueue)));
	if (!found)
		init_table();
}

/*
 * Places, and what makes room
 */
static bool
is_older(TimestampTz when, TimestampTz now, int64 age)
{
	return when > now || now - when >= age; /* a clock set back ends it too */
}

static void
mark_used(Places *places, int number, TimestampTz now)
{
	if (is_older(pg_atomic_read_u64(&places->used[number]), now, IDLE / 4))
		pg_atomic_write_u64(&places->used[number], now);
}

/* Another search is not worth it yet. */
static bool
is_full(Places *places, TimestampTz now)
{
	return !is_older(pg_atomic_read_u64(&places->full_at), now, SWEEP_PAUSE);
}

void
celeriac_ready_use_queue(ReadyQueue *queue, TimestampTz now)
{
	mark_used(&table->queues, queue - queues, now);
}

void
celeriac_ready_use_level(SharedLevel *level, TimestampTz now)
{
	mark_used(&table->levels, level - levels, now);
}

void
celeriac_ready_disuse_queue(ReadyQueue *queue)
{
	pg_atomic_write_u64(&table->queues.used[queue - queues], 0);
}

bool
celeriac_ready_queues_full(TimestampTz now)
{
	return is_full(&table->queues, now);
}

/* Under the lock, exclusively.  A place that can be had, or NOWHERE. */
static int
take_place(Places *places, TimestampTz now)
{
	if (places->taken < places->room)
		return places->taken++;
	for (int i = 0; i < Min(SWEEP, places->room); i++)
	{
		places->hand = (places->hand + 1) % places->room;
		if (is_older(pg_atomic_read_u64(&places->used[places->hand]), now, IDLE))
			return places->hand;
	}
	pg_atomic_write_u64(&places->full_at, now);
	return NOWHERE;
}

/*
 * Under the lock, exclusively.  The coordinator has to look for leases by itself
 * from now on; should the database have been dropped since, that of another does
 * so in vain.
 */
static void
clear_level(SharedLevel *level)
{
	LWLockAcquire(&level->lock, LW_EXCLUSIVE);
	pg_atomic_write_u64(&level->generation, 0);
	if (level->highest != 0)
		queues[level->queue].database->unwatched = true;
	LWLockRelease(&level->lock);
	pg_atomic_write_u64(&table->levels.used[level - levels], 0);
}

/* Likewise: another level is to come here. */
static void
remove_level(SharedLevel *level)
{
	int		   *link = &queues[level->queue].first_level;

	if (pg_atomic_read_u64(&level->generation) == 0)
		return;
	while (*link != level - levels)
		link = &levels[*link].next;
	*link = level->next;
	clear_level(level);
}

/* Likewise: another queue. */
static void
remove_queue(ReadyQueue *queue)
{
	if (pg_atomic_read_u64(&queue->generation) == 0)
		return;
	for (int i = queue->first_level; i != NOWHERE; i = levels[i].next)
		clear_level(&levels[i]);
	LWLockAcquire(&queue->lock, LW_EXCLUSIVE);
	pg_atomic_write_u64(&queue->generation, 0);
	LWLockRelease(&queue->lock);
	(void) hash_search(queue_names, &queue->key, HASH_REMOVE, NULL);
}

/*
 * Queues by name
 */
uint64
celeriac_queue_hash(const char *queue)
{
	return hash_bytes_extended((const unsigned char *) queue, strlen(queue), 0);
}

static QueueKey
queue_key(const char *name)
{
	QueueKey	key;

	memset(&key, 0, sizeof(key));
	key.dboid = MyDatabaseId;
	strlcpy(key.name, name, sizeof(key.name));
	return key;
}

bool
celeriac_ready_is_here(const QueueRef *queue)
{
	return queue->place != NULL &&
		pg_atomic_read_u64(&queue->place->generation) == queue->generation;
}

/* Under the lock. */
void
celeriac_ready_search_queue(QueueRef *queue)
{
	QueueKey	key = queue_key(queue->name);
	QueueEntry *entry = hash_search(queue_names, &key, HASH_FIND, NULL);

	queue->place = entry == NULL ? NULL : &queues[entry->number];
	queue->generation = entry == NULL ? 0 : pg_atomic_read_u64(&queue->place->generation);
}

QueueRef
celeriac_queue_ref(const char *name)
{
	QueueRef	queue = {.name = name, .hash = celeriac_queue_hash(name)};
	KnownQueue *known = &known_queues[queue.hash % REMEMBERED];

	if (known->hash == queue.hash && strcmp(known->name, name) == 0)
	{
		queue.place = known->place;
		queue.generation = known->generation;
		if (celeriac_ready_is_here(&queue))
			return queue;
	}
	LWLockAcquire(celeriac_ready_lock, LW_SHARED);
	celeriac_ready_search_queue(&queue);
	LWLockRelease(celeriac_ready_lock);
	known->hash = queue.hash;
	known->place = queue.place;
	known->generation = queue.generation;
	strlcpy(known->name, name, sizeof(known->name));
	return queue;
}

QueueRef *
celeriac_queue_refs(const char *const *names, int count)
{
	QueueRef   *refs = palloc((count + 1) * sizeof(QueueRef));

	for (int i = 0; i < count; i++)
		refs[i] = celeriac_queue_ref(names[i]);
	return refs;
}

/* Under the lock, exclusively.  The generation comes last: see read_priorities. */
static void
init_queue(ReadyQueue *place, CelDatabase *database)
{
	place->database = database;
	place->first_level = NOWHERE;
	place->forgets = 0;
	memset(&place->turns, 0, sizeof(place->turns));
	place->turns.nseats = SEATS_MIN;
	pg_atomic_init_u32(&place->discovered, 0);
	for (int i = 0; i < PRIORITY_WORDS; i++)
		pg_atomic_init_u64(&place->priorities[i], 0);
	pg_write_barrier();
	pg_atomic_write_u64(&place->generation, ++table->generation);
}

bool
celeriac_ready_enter_queue(QueueRef *queue, CelDatabase *database, TimestampTz now)
{
	QueueKey	key = queue_key(queue->name);
	QueueEntry *entry;
	int			number;

	celeriac_ready_search_queue(queue);
	if (queue->place != NULL)
		return true;
	if ((number = take_place(&table->queues, now)) == NOWHERE)
		return false;
	remove_queue(&queues[number]);
	entry = hash_search(queue_names, &key, HASH_ENTER_NULL, NULL);
	if (entry == NULL)
		return false;
	entry->number = number;
	queues[number].key = key;
	init_queue(&queues[number], database);
	mark_used(&table->queues, number, now);
	celeriac_ready_search_queue(queue);
	return true;
}

/*
 * One queue after another, and its levels
 */
ReadyQueue *
celeriac_ready_next_queue(ReadyQueue *last, Oid dboid)
{
	for (int i = last == NULL ? 0 : last - queues + 1; i < table->queues.taken; i++)
	{
		if (pg_atomic_read_u64(&queues[i].generation) != 0 && queues[i].key.dboid == dboid)
			return &queues[i];
	}
	return NULL;
}

SharedLevel *
celeriac_ready_next_level(const ReadyQueue *queue, const SharedLevel *last)
{
	int			number = last == NULL ? queue->first_level : last->next;

	return number == NOWHERE ? NULL : &levels[number];
}

/*
 * The sessions that fetch from a queue
 */
Turns *
celeriac_ready_lock_turns(const QueueRef *queue)
{
	if (queue->place == NULL)
		return NULL;
	LWLockAcquire(&queue->place->lock, LW_EXCLUSIVE);
	if (celeriac_ready_is_here(queue))
		return &queue->place->turns;
	LWLockRelease(&queue->place->lock);
	return NULL;
}

void
celeriac_ready_unlock_turns(const QueueRef *queue)
{
	LWLockRelease(&queue->place->lock);
}

/*
 * Levels of a queue
 */

void
celeriac_ready_note_priority(ReadyQueue *queue, int priority)
{
	pg_atomic_uint64 *word = &queue->priorities[priority / 64];
	uint64		bit = UINT64CONST(1) << (priority % 64);

	if ((pg_atomic_read_u64(word) & bit) == 0)
		pg_atomic_fetch_or_u64(word, bit);
}

/* Under the lock. */
SharedLevel *
celeriac_ready_search_level(const ReadyQueue *queue, int priority)
{
	SharedLevel *level = NULL;

	while ((level = celeriac_ready_next_level(queue, level)) != NULL)
	{
		if (level->priority == priority)
			return level;
	}
	return NULL;
}

/* Under its lock: nothing is known of it. */
static void
init_level(SharedLevel *level)
{
	level->position = 0;
	level->highest = 0;
	level->epoch = 1;
	level->npushes = 0;
	pg_atomic_write_u64(&level->generation, ++table->generation);
}

SharedLevel *
celeriac_ready_enter_level(ReadyQueue *queue, int priority, TimestampTz now)
{
	SharedLevel *level = celeriac_ready_search_level(queue, priority);
	int			number;

	if (level != NULL)
		return level;
	if ((number = take_place(&table->levels, now)) == NOWHERE)
		return NULL;
	level = &levels[number];
	remove_level(level);
	LWLockAcquire(&level->lock, LW_EXCLUSIVE);
	init_level(level);
	LWLockRelease(&level->lock);
	level->priority = priority;
	level->queue = queue - queues;
	level->next = queue->first_level;
	queue->first_level = number;
	celeriac_ready_note_priority(queue, priority);
	mark_used(&table->levels, number, now);
	return level;
}

KnownLevel *
celeriac_ready_known_level(const QueueRef *queue, int priority)
{
	return &known_levels[(queue->generation + priority) % REMEMBERED];
}

bool
celeriac_ready_is_known(const KnownLevel *known, const QueueRef *queue, int priority)
{
	return known->place != NULL && known->priority == priority &&
		known->queue_generation == queue->generation &&
		pg_atomic_read_u64(&known->place->generation) == known->generation;
}

void
celeriac_ready_remember_level(const QueueRef *queue, int priority, SharedLevel *level)
{
	KnownLevel *known = celeriac_ready_known_level(queue, priority);

	known->queue_generation = queue->generation;
	known->priority = priority;
	known->place = level;
	known->generation = level == NULL ? 0 : pg_atomic_read_u64(&level->generation);
}

void
celeriac_ready_find_level(const QueueRef *queue, int priority, TimestampTz now)
{
	SharedLevel *level = NULL;

	LWLockAcquire(celeriac_ready_lock, LW_SHARED);
	if (celeriac_ready_is_here(queue))
		level = celeriac_ready_search_level(queue->place, priority);
	celeriac_ready_remember_level(queue, priority, level);
	LWLockRelease(celeriac_ready_lock);
	if (level != NULL || !celeriac_ready_is_here(queue) || is_full(&table->levels, now))
		return;
	LWLockAcquire(celeriac_ready_lock, LW_EXCLUSIVE);
	if (celeriac_ready_is_here(queue))
		level = celeriac_ready_enter_level(queue->place, priority, now);
	celeriac_ready_remember_level(queue, priority, level);
	LWLockRelease(celeriac_ready_lock);
}

