/*
 * ready.h
 *		Where the next ready task of each queue and priority may be.
 */
#ifndef CELERIAC_SHMEM_READY_H
#define CELERIAC_SHMEM_READY_H

#include "base/names.h"

#include "storage/spin.h"

/* seats of a queue at least, and those that are remembered; see turn.c */
#define SEATS_MIN	4
#define TURN_SEATS	64

typedef struct Seat
{
	int			pid;
	TimestampTz until;			/* then it is anybody's */
} Seat;

/* Of one queue, in shared memory. */
typedef struct Turns
{
	slock_t		mutex;
	int			nseats;			/* more than TURN_SEATS = no limit */
	int			refused;		/* looks in vain, in this window */
	int			crowd;			/* the same of the window before */
	TimestampTz window;			/* its begin */
	uint64		effort;			/* as it was then */
	Seat		seats[TURN_SEATS];
} Turns;

typedef struct ReadyLevel
{
	int			priority;
	int64		position;		/* nothing to claim at or before it */
	int64		highest;		/* no lease was ever beyond it */
	uint64		epoch;			/* as of before the reader's snapshot */
} ReadyLevel;

extern Size celeriac_ready_shmem_size(void);
extern void celeriac_ready_shmem_startup(void);

/* the levels of a queue, highest priority first; false = not yet discovered */
extern bool celeriac_ready_levels(const char *queue, ReadyLevel *levels,
								  int *count);
/* every priority there can be, with no position: when the table is full */
extern int	celeriac_ready_all_levels(ReadyLevel *levels);
extern void celeriac_ready_discovered(const char *queue, const int *priorities,
									  int count);
/* the level as it is now: before another snapshot */
extern void celeriac_ready_look_again(const char *queue, ReadyLevel *level);
extern Turns *celeriac_ready_turns(const char *queue);
/* nothing claimable up to position, unless someone pushed it back since */
extern void celeriac_ready_advance(const char *queue, const ReadyLevel *level,
								   int64 position, bool leased);
/* no palloc, no ERROR: called from commit and abort callbacks */
extern void celeriac_ready_push_back(Oid dboid, const char *queue,
									 int priority, int64 ready);
extern void celeriac_ready_forget(Oid dboid);

typedef struct ClaimedLevel
{
	char		queue[CELERIAC_QUEUE_LEN];
	int			priority;
	int64		highest;
} ClaimedLevel;

/* levels of this database that leases were taken from; palloc'd */
extern ClaimedLevel *celeriac_ready_claimed_levels(int *count);
extern void celeriac_ready_set_highest(const char *queue, int priority,
									   int64 highest);

extern uint64 celeriac_queue_hash(const char *queue);

#endif							/* CELERIAC_SHMEM_READY_H */
