/*
 * pause.h
 *		Time for the test tasks.
 */
#ifndef PAUSE_H
#define PAUSE_H

#include <time.h>

static inline double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* Ends early when a signal comes. */
static inline void
pause_for(double seconds)
{
	struct timespec wait;

	if (seconds <= 0)
		return;
	wait.tv_sec = (time_t) seconds;
	wait.tv_nsec = (long) ((seconds - (double) wait.tv_sec) * 1e9);
	nanosleep(&wait, NULL);
}

#endif							/* PAUSE_H */
