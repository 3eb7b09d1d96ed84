/*
 * clock.h
 *		Time in microseconds.
 */
#ifndef CELERIAC_WORKER_BASE_CLOCK_H
#define CELERIAC_WORKER_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_MS	INT64_C(1000)
#define CLOCK_SECOND	INT64_C(1000000)
#define CLOCK_NEVER	INT64_MAX

static inline int64_t
clock_read(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t) now.tv_sec * CLOCK_SECOND + now.tv_nsec / 1000;
}

/* for durations and deadlines: never jumps */
static inline int64_t
clock_mono(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

/* for what people read: since 1970 */
static inline int64_t
clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

static inline int64_t
clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

#endif							/* CELERIAC_WORKER_BASE_CLOCK_H */
