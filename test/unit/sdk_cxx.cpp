/*
 * sdk_cxx.cpp
 *		The SDK in strict C++11: it must compile, and define the same tasks.
 */
#include <celeriac/task.h>

static task_status
scale(task *t)
{
	double		factor;

	if (!task_unpack(t, "[F]", NULL, &factor))
		return TASK_FAILURE;
	task_log(t, TASK_LOG_INFO, "factor %g", factor);
	return task_return(t, "f", factor * 2);
}

static task_status
plain(task *t)
{
	return task_return(t, NULL);
}

TASK_MODULE("sdk_cxx",
			TASK("plain", plain),
			TASK("scale", scale).max_retries(4).queue("media").time_limit(2.5));
