/*
 * retry.c
 *		How long to wait before a task is tried again: Celery's rules.
 *
 * Without retry_backoff, retry_delay.  With it, factor × 2^retries seconds up
 * to retry_backoff_max; with jitter any whole number of seconds from 0 to
 * that, so that tasks which failed together do not come back together.
 */
#include "finish/retry.h"

#include <math.h>

#include "common/pg_prng.h"

#include "session/definition.h"

double
celeriac_retry_delay(const Definition *definition, int retries)
{
	double		delay;

	if (definition->retry_backoff <= 0)
		return definition->retry_delay;
	delay = Min(definition->retry_backoff_max,
				definition->retry_backoff * pow(2, Min(retries, 60)));
	if (definition->retry_jitter)
		delay = floor(pg_prng_double(&pg_global_prng_state) * (floor(delay) + 1));
	return delay;
}
