/*
 * sleep.c
 *		Tasks that take their time.
 */
#include <celeriac/task.h>

#include "pause.h"

/* [seconds]: one long sleep, ended early by the soft limit or by revoking */
static task_status
sleep_task(task *t)
{
	double		seconds;
	double		end;

	if (!task_unpack(t, "[F]", NULL, &seconds))
		return TASK_FAILURE;
	end = now() + seconds;
	while (now() < end)
	{
		pause_for(end - now());
		if (task_soft_limit_reached(t))
			return task_fail(t, "SoftTimeLimitExceeded",
							 "woken up after %.1f s of %g",
							 seconds - (end - now()), seconds);
		if (task_revoked(t))
			return TASK_REVOKED;
	}
	return task_return(t, "f", seconds);
}

/* [seconds]: short sleeps, so that revoking is seen soon */
static task_status
nap(task *t)
{
	double		seconds;
	double		end;

	if (!task_unpack(t, "[F]", NULL, &seconds))
		return TASK_FAILURE;
	for (end = now() + seconds; now() < end;)
	{
		pause_for(0.01);
		if (task_revoked(t))
			return TASK_REVOKED;
	}
	return task_return(t, "f", seconds);
}

TASK_MODULE("sleep", TASK("sleep", sleep_task), TASK("nap", nap));
