/*
 * ready.h
 *		Where the next ready task of each queue and priority may be.
 */
#ifndef CELERIAC_SHMEM_READY_H
#define CELERIAC_SHMEM_READY_H

#include "base/names.h"

#include "shmem/readytable.h"

/* A priority of a queue, and how far a fetch need not look. */
typedef struct ReadyLevel
{
	int			priority;
	int64		position;		/* nothing to claim at or before it */
	uint64		epoch;			/* as of before the reader's snapshot */
	struct SharedLevel *shared; /* NULL = no position is remembered */
	uint64		generation;		/* as of a queue's place */
} ReadyLevel;

/*
 * The levels of a queue, highest priority first, into an array of
 * CELERIAC_MAX_PRIORITY + 1; false = not discovered.  To be called before the
 * snapshot is taken.
 */
extern bool celeriac_ready_levels(QueueRef *queue, ReadyLevel *levels, int *count);
/* that level, whether its queue is in the table or not; likewise */
extern void celeriac_ready_level(const QueueRef *queue, int priority, ReadyLevel *level);
/* the level as it is now: before another snapshot */
extern void celeriac_ready_look_again(ReadyLevel *level);

/* before the priorities of a queue are read; false = there is no room for it */
extern bool celeriac_ready_discover(QueueRef *queue, uint64 *forgets);
/* and after: these were there */
extern void celeriac_ready_discovered(const QueueRef *queue, uint64 forgets,
									  const int *priorities, int count);

/* nothing claimable up to position, unless someone pushed it back since */
extern void celeriac_ready_advance(const ReadyLevel *level, int64 position, bool leased);
/* no palloc, no ERROR: called from commit and abort callbacks */
extern void celeriac_ready_push_back(const char *queue, int priority, int64 ready);
extern void celeriac_ready_forget(Oid dboid);

typedef struct ClaimedLevel
{
	char		queue[CELERIAC_QUEUE_LEN];
	int			priority;
	int64		highest;		/* no lease was ever beyond it */
} ClaimedLevel;

/* levels of this database that leases were taken from; palloc'd */
extern ClaimedLevel *celeriac_ready_claimed_levels(int *count);
extern void celeriac_ready_set_highest(const char *queue, int priority,
									   int64 highest);

#endif							/* CELERIAC_SHMEM_READY_H */
