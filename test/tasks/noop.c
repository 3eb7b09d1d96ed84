/*
 * noop.c
 *		The cheapest task there is.
 */
#include <celeriac/task.h>

/* the cheapest task there is */
static task_status
noop(task *t)
{
	return task_return(t, NULL);
}

TASK_MODULE("noop", TASK("noop", noop));
