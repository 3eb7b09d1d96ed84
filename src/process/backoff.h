/*
 * backoff.h
 *		A pause that grows with each failure.
 */
#ifndef CELERIAC_PROCESS_BACKOFF_H
#define CELERIAC_PROCESS_BACKOFF_H

#include "base/names.h"

/* A pause that grows with each failure: none, then 1, 2, 4 and at most 8 s. */
typedef struct CelBackoff
{
	int			failures;
	TimestampTz until;
} CelBackoff;

extern void celeriac_backoff_fail(CelBackoff *backoff);
extern void celeriac_backoff_reset(CelBackoff *backoff);

/* a process ended by itself; 0 = it never ran */
extern void celeriac_backoff_ended(CelBackoff *backoff, TimestampTz started_at);

/* what is left of the pause, in milliseconds */
extern long celeriac_backoff_left(const CelBackoff *backoff);

/* the sooner of two sleeps, -1 = for ever */
extern long celeriac_sooner(long a, long b);

#endif							/* CELERIAC_PROCESS_BACKOFF_H */
