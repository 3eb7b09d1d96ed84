/*
 * backoff.c
 *		A pause that grows with each failure.
 */
#include "process/backoff.h"

#include "utils/timestamp.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MAX_MS 8000

/* A process that lived so long is not failing again and again. */
#define STABLE_MS 10000

void
celeriac_backoff_fail(CelBackoff *backoff)
{
	long		pause = 0;

	if (backoff->failures > 0)
		pause = BACKOFF_FIRST_MS << Min(backoff->failures - 1, 6);
	pause = Min(pause, BACKOFF_MAX_MS);
	backoff->failures++;
	backoff->until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), pause);
}

void
celeriac_backoff_ended(CelBackoff *backoff, TimestampTz started_at)
{
	if (started_at != 0 &&
		TimestampDifferenceExceeds(started_at, GetCurrentTimestamp(), STABLE_MS))
		celeriac_backoff_reset(backoff);
	celeriac_backoff_fail(backoff);
}

void
celeriac_backoff_reset(CelBackoff *backoff)
{
	backoff->failures = 0;
	backoff->until = 0;
}

long
celeriac_backoff_left(const CelBackoff *backoff)
{
	if (backoff->failures == 0)
		return 0;
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
										   backoff->until);
}

long
celeriac_sooner(long a, long b)
{
	if (a < 0)
		return b;
	return b < 0 ? a : Min(a, b);
}
