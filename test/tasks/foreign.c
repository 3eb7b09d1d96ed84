/*
 * foreign.c
 *		Tasks whose text is valid, but not in every database.
 */
#include <celeriac/task.h>

#define NAME	"日本"

static task_status
result(task *t)
{
	return task_return(t, "s", NAME);
}

static task_status
message(task *t)
{
	return task_fail(t, "ValueError", "%s", NAME);
}

/* under a name that is not in ASCII */
static task_status
nothing(task *t)
{
	(void) t;
	return TASK_SUCCESS;
}

/* fails once, with a reason to be tried again */
static task_status
retry(task *t)
{
	if (task_retries(t) > 0)
		return task_return(t, "s", "second");
	return task_retry(t, 0, "%s", NAME);
}

/* the state is lost, the task is not */
static task_status
state(task *t)
{
	task_log(t, TASK_LOG_INFO, "a log of %s", NAME);
	task_progress(t, "{s:s}", "name", NAME);
	return task_return(t, "s", "done");
}

/* likewise what is sent */
static task_status
sender(task *t)
{
	if (!task_send(t, "echo.echo", "[s]", NULL, NAME))
		return TASK_FAILURE;
	return task_return(t, "s", "sent");
}

TASK_MODULE("foreign",
			TASK("größe", nothing),
			TASK("result", result),
			TASK("message", message),
			TASK("retry", retry, .max_retries = 3, .retry_delay = 0.01),
				TASK("state", state),
				TASK("sender", sender));
