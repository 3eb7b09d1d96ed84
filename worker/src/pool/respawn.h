/*
 * respawn.h
 *		How soon a child that crashed is replaced.
 */
#ifndef CELERIAC_WORKER_POOL_RESPAWN_H
#define CELERIAC_WORKER_POOL_RESPAWN_H

#include "base/clock.h"

/* the longest pause */
#define RESPAWN_MAX		(2 * CLOCK_SECOND)

typedef struct Respawn
{
	int			crashes;		/* within the window */
	int64_t		window;			/* when it began */
} Respawn;

/* One more crash: how long to wait.  0 = not at all. */
extern int64_t respawn_delay(Respawn *respawn, int64_t now);

#endif							/* CELERIAC_WORKER_POOL_RESPAWN_H */
