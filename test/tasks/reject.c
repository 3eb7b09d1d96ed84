/*
 * reject.c
 *		Tasks that end without a result.
 */
#include <celeriac/task.h>

/* {"requeue": bool}; when requeued it accepts the second delivery */
static task_status
reject(task *t)
{
	int			requeue = 0;

	if (!task_unpack(t, NULL, "{s?b}", "requeue", &requeue))
		return TASK_FAILURE;
	if (requeue && task_delivery_number(t) > 1)
		return task_return(t, "i", task_delivery_number(t));
	return task_reject(t, requeue);
}

static task_status
ignore(task *t)
{
	return task_ignore(t);
}

TASK_MODULE("reject", TASK("reject", reject), TASK("ignore", ignore));
