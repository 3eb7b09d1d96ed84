/*
 * demo.c
 *		Three C tasks: a result, progress and limits, retries.
 */
#include <errno.h>
#include <time.h>

#include <celeriac/task.h>

static bool
is_prime(int n)
{
	for (int divisor = 2; divisor * divisor <= n; divisor++)
		if (n % divisor == 0)
			return false;
	return n > 1;
}

/* demo.primes(limit) -> {"limit": ..., "primes": ...} */
static task_status
primes(task *t)
{
	int			limit;
	int			count = 0;

	if (!task_unpack(t, "[i]", NULL, &limit))
		return TASK_FAILURE;	/* the error is recorded already */
	if (limit < 0)
		return task_fail(t, "ValueError", "limit must not be negative: %d", limit);
	for (int n = 2; n < limit; n++)
		count += is_prime(n);
	return task_return(t, "{s:i, s:i}", "limit", limit, "primes", count);
}

/* Interrupted by a signal, it returns early; the caller then asks why. */
static void
nap(double seconds)
{
	struct timespec duration = {
		.tv_sec = (time_t) seconds,
		.tv_nsec = (long) ((seconds - (double) (time_t) seconds) * 1e9)
	};

	while (nanosleep(&duration, &duration) != 0 && errno != EINTR)
		continue;
}

/* demo.walk(steps=10, pause=0.1): tells how far it is, and stops when asked to */
static task_status
walk(task *t)
{
	int			steps = 10;
	double		pause = 0.1;

	if (!task_unpack(t, NULL, "{s?i, s?F}", "steps", &steps, "pause", &pause))
		return TASK_FAILURE;
	for (int step = 1; step <= steps; step++)
	{
		nap(pause);
		if (task_revoked(t))
			return TASK_REVOKED;
		if (task_soft_limit_reached(t))
			return task_fail(t, "TooSlow", "gave up at step %d of %d", step, steps);
		task_progress(t, "{s:i, s:i}", "step", step, "steps", steps);
	}
	task_log(t, TASK_LOG_INFO, "walked %d steps", steps);
	return task_return(t, "i", steps);
}

/* demo.stubborn(): succeeds at the third try */
static task_status
stubborn(task *t)
{
	if (task_retries(t) < 2)
		return task_retry(t, 0.1, "try %d was too early", task_retries(t) + 1);
	return task_return(t, "s", "at last");
}

TASK_MODULE("demo",
			TASK("primes", primes),
			TASK("walk", walk, .soft_time_limit = 2.0, .time_limit = 5.0),
				TASK("stubborn", stubborn, .max_retries = 5));
