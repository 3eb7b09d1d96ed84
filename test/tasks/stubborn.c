/*
 * stubborn.c
 *		Tasks that do not care for soft limits.
 */
#include <celeriac/task.h>

#include "pause.h"

/* [seconds]: does not care for soft limits */
static task_status
stubborn(task *t)
{
	double		seconds;
	double		end;

	if (!task_unpack(t, "[F]", NULL, &seconds))
		return TASK_FAILURE;
	for (end = now() + seconds; now() < end;)
		pause_for(0.05);
	return task_return(t, "b", task_soft_limit_reached(t));
}

TASK_MODULE("stubborn",
			TASK("stubborn", stubborn),
			TASK("limited", stubborn, .soft_time_limit = 0.3, .time_limit = 0.8));
