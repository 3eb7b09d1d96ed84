/*
 * sdk_c99.c
 *		The SDK in strict C99, with every option: it must compile.
 */
#include <celeriac/task.h>

static task_status
resize(task *t)
{
	const char *file;
	int			width = 640;

	if (!task_unpack(t, "[s]", "{s?i}", &file, "width", &width))
		return TASK_FAILURE;
	return task_return(t, "{s:i}", "bytes", width);
}

static task_status
plain(task *t)
{
	return task_return(t, NULL);
}

TASK_MODULE("sdk_c99",
			TASK("plain", plain),
			TASK("resize", resize, .max_retries = 3, .soft_time_limit = 30.0,
				 .acks_late = 0, .queue = "media",
				 .autoretry_for = "IOError"));
