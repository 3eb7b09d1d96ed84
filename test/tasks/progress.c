/*
 * progress.c
 *		A task that tells how far it is.
 */
#include <celeriac/task.h>

#include "pause.h"

/* [steps, seconds]: a state after each step */
static task_status
progress(task *t)
{
	int			steps;
	double		seconds;

	if (!task_unpack(t, "[iF]", NULL, &steps, &seconds))
		return TASK_FAILURE;
	for (int i = 1; i <= steps; i++)
	{
		task_progress(t, "{s:i, s:i}", "done", i, "total", steps);
		task_log(t, TASK_LOG_INFO, "step %d of %d", i, steps);
		pause_for(seconds);
	}
	return task_return(t, "i", steps);
}

TASK_MODULE("progress", TASK("progress", progress));
