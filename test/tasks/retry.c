/*
 * retry.c
 *		A task that wants to run again.
 */
#include <celeriac/task.h>

/* {"until": n, "countdown": s}: retries until it was retried n times */
static task_status
retry(task *t)
{
	int			until = 1;
	double		countdown = 0;

	if (!task_unpack(t, NULL, "{s?i, s?F}", "until", &until,
					 "countdown", &countdown))
		return TASK_FAILURE;
	if (task_retries(t) < until)
		return task_retry(t, countdown, "attempt %d", task_retries(t));
	return task_return(t, "i", task_retries(t));
}

TASK_MODULE("retry", TASK("retry", retry, .max_retries = 3, .retry_delay = 1));
