/*
 * turn.h
 *		Which sessions fetch when many want many tasks.
 */
#ifndef CELERIAC_SHMEM_TURN_H
#define CELERIAC_SHMEM_TURN_H

#include "base/names.h"

#include "datatype/timestamp.h"

/* a fetch of fewer would wait longer than it works in vain */
#define TURN_MIN	CELERIAC_MANY

/*
 * One at a time takes tasks from a level.  Ends with the (sub)transaction at
 * the latest.
 */
struct QueueRef;
extern void celeriac_turn_begin(const struct QueueRef *queue, int priority);
extern void celeriac_turn_end(const struct QueueRef *queue, int priority);

/* the server was at work for many tasks since then */
extern void celeriac_turn_effort(TimestampTz began);

/* false = there is no seat for this session; take = it fetches now */
extern bool celeriac_turn_admits(const struct QueueRef *queue, bool take);
/* there was none: how long to wait, in ms; last = the same before, or 0 */
extern int	celeriac_turn_pause(const struct QueueRef *queue, int last);

/* What a fetch of many tasks got. */
typedef enum TurnYield
{
	TURN_ALL,					/* that it asked for */
	TURN_LESS,					/* there are no more */
	TURN_NO_ROOM				/* there was no room for more claims */
} TurnYield;

extern void celeriac_turn_fetched(const struct QueueRef *queue, TurnYield yield);
/* there is nothing to fetch: its seat is for others; false = it had none */
extern bool celeriac_turn_give_up(const struct QueueRef *queue);

#endif							/* CELERIAC_SHMEM_TURN_H */
