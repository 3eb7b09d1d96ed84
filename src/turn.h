/*
 * turn.h
 *		Who fetches when many want many tasks.
 */
#ifndef CELERIAC_TURN_H
#define CELERIAC_TURN_H

#include "celeriac.h"

#include "datatype/timestamp.h"

/* a fetch of fewer would wait longer than it works in vain */
#define TURN_MIN	64

#define TURN_SEATS	64

typedef struct Seat
{
	int			pid;
	TimestampTz until;			/* then it is anybody's */
} Seat;

/* Of one queue, in shared memory, under the lock of its place (ready.c). */
typedef struct Turns
{
	int			nseats;			/* more than TURN_SEATS = no limit */
	int			refused;		/* looks in vain, in this window */
	int			crowd;			/* the same of the window before */
	TimestampTz window;			/* its begin */
	uint64		effort;			/* as it was then */
	Seat		seats[TURN_SEATS];
} Turns;

extern void celeriac_turns_init(Turns *turns);

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

#endif							/* CELERIAC_TURN_H */
