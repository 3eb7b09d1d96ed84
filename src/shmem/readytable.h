/*
 * readytable.h
 *		The tables of ready.c and turn.c: queues by name, and the levels of each.
 */
#ifndef CELERIAC_SHMEM_READYTABLE_H
#define CELERIAC_SHMEM_READYTABLE_H

#include "base/names.h"

#include "port/atomics.h"
#include "storage/lwlock.h"

#include "shmem/shmem.h"

/* seats of a queue at least, and those that are remembered; see turn.c */
#define SEATS_MIN	4
#define TURN_SEATS	64

typedef struct Seat
{
	int			pid;
	TimestampTz until;			/* then it is anybody's */
} Seat;

/* Of one queue, in shared memory, under the lock of its place. */
typedef struct Turns
{
	int			nseats;			/* more than TURN_SEATS = no limit */
	int			refused;		/* looks in vain, in this window */
	int			crowd;			/* the same of the window before */
	TimestampTz window;			/* its begin */
	uint64		effort;			/* as it was then */
	Seat		seats[TURN_SEATS];
} Turns;

#define NOWHERE		(-1)

typedef struct QueueKey
{
	Oid			dboid;
	char		name[CELERIAC_QUEUE_LEN];
} QueueKey;

/* priorities a queue may hold, as bits */
#define PRIORITY_WORDS	((CELERIAC_MAX_PRIORITY + 64) / 64)

typedef struct ReadyQueue
{
	LWLock		lock;
	pg_atomic_uint64 generation;	/* 0 = no queue is here */
	QueueKey	key;
	CelDatabase *database;
	uint64		forgets;		/* how often it had to be discovered again */
	int			first_level;	/* number of one, or NOWHERE */
	pg_atomic_uint32 discovered;
	pg_atomic_uint64 priorities[PRIORITY_WORDS];
	Turns		turns;			/* under its lock */
} ReadyQueue;

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
	LWLock		lock;
	pg_atomic_uint64 generation;	/* 0 = no level is here */
	int			queue;			/* number of its queue */
	int			next;			/* the next level of that, or NOWHERE */
	int			priority;
	int64		position;		/* this and the rest under its lock */
	int64		highest;		/* no lease was ever beyond it */
	uint64		epoch;
	int			npushes;
	LevelPush	pushes[LEVEL_PUSHES];
} SharedLevel;

/*
 * A queue as this backend found it.  Its place in the table may have been given
 * to another queue since: then the place has another generation.
 */
typedef struct QueueRef
{
	const char *name;
	uint64		hash;			/* of the name */
	ReadyQueue *place;			/* NULL = not in the table */
	uint64		generation;
} QueueRef;

/* What this backend found, by hash; another that hashes alike takes its place. */
typedef struct KnownLevel
{
	uint64		queue_generation;
	int			priority;
	SharedLevel *place;			/* NULL = nothing was found */
	uint64		generation;
} KnownLevel;

extern LWLock *celeriac_ready_lock;

extern uint64 celeriac_queue_hash(const char *queue);
/* for as long as the name is there; may be kept over transactions */
extern QueueRef celeriac_queue_ref(const char *name);
extern QueueRef *celeriac_queue_refs(const char *const *names, int count);

/* the sessions that fetch from it, locked; NULL = not in the table */
extern Turns *celeriac_ready_lock_turns(const QueueRef *queue);
extern void celeriac_ready_unlock_turns(const QueueRef *queue);

extern Size celeriac_readytable_size(void);
extern void celeriac_readytable_startup(void);
/* so many levels can there be */
extern int	celeriac_ready_level_room(void);

/* is the queue where it was found? */
extern bool celeriac_ready_is_here(const QueueRef *queue);
/* somebody fetches from it, or nobody does */
extern void celeriac_ready_use_queue(ReadyQueue *queue, TimestampTz now);
extern void celeriac_ready_use_level(SharedLevel *level, TimestampTz now);
extern void celeriac_ready_disuse_queue(ReadyQueue *queue);
/* was there no room just now? */
extern bool celeriac_ready_queues_full(TimestampTz now);

/* under the lock: one after another; the first follows NULL */
extern ReadyQueue *celeriac_ready_next_queue(ReadyQueue *last, Oid dboid);
extern SharedLevel *celeriac_ready_next_level(const ReadyQueue *queue, const SharedLevel *last);

/* under the lock */
extern void celeriac_ready_search_queue(QueueRef *queue);
extern SharedLevel *celeriac_ready_search_level(const ReadyQueue *queue, int priority);
/* the queue may hold tasks of this priority from now on */
extern void celeriac_ready_note_priority(ReadyQueue *queue, int priority);

/* under the lock, exclusively; false, NULL = there is no room */
extern bool celeriac_ready_enter_queue(QueueRef *queue, CelDatabase *database, TimestampTz now);
extern SharedLevel *celeriac_ready_enter_level(ReadyQueue *queue, int priority, TimestampTz now);

/* where this backend found it last; and does that still hold? */
extern KnownLevel *celeriac_ready_known_level(const QueueRef *queue, int priority);
extern bool celeriac_ready_is_known(const KnownLevel *known, const QueueRef *queue, int priority);
/* look for it, and enter it when it is missing and there may be room */
extern void celeriac_ready_find_level(const QueueRef *queue, int priority, TimestampTz now);
extern void celeriac_ready_remember_level(const QueueRef *queue, int priority, SharedLevel *level);

#endif							/* CELERIAC_SHMEM_READYTABLE_H */
