/*
 * respawn.c
 *		How soon a child that crashed is replaced.
 */
#include "pool/respawn.h"

/* so many deaths in this time are replaced at once, more of them slower */
#define RESPAWN_WINDOW	(10 * CLOCK_SECOND)
#define RESPAWN_FREE	50
#define RESPAWN_FIRST	(100 * CLOCK_MS)

int64_t
respawn_delay(Respawn *respawn, int64_t now)
{
	int64_t		delay = RESPAWN_FIRST;

	if (now - respawn->window > RESPAWN_WINDOW)
	{
		respawn->window = now;
		respawn->crashes = 0;
	}
	if (++respawn->crashes <= RESPAWN_FREE)
		return 0;
	for (int i = RESPAWN_FREE + 1; i < respawn->crashes; i++)
		if ((delay *= 2) >= RESPAWN_MAX)
			return RESPAWN_MAX;
	return delay;
}
