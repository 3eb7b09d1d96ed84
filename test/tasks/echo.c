/*
 * echo.c
 *		Tasks that tell what they were given.
 */
#include <celeriac/task.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* [a, ...], {...} -> {"args": ..., "kwargs": ...}, as they came */
static task_status
echo(task *t)
{
	const char *args = task_args_json(t);
	const char *kwargs = task_kwargs_json(t);
	size_t		size = strlen(args) + strlen(kwargs) + 32;
	char	   *json = task_alloc(t, size);

	if (json == NULL)
		return task_fail(t, "MemoryError", "no room for %zu bytes", size);
	snprintf(json, size, "{\"args\":%s,\"kwargs\":%s}", args, kwargs);
	return task_return_json(t, json);
}

static task_status
add(task *t)
{
	double		x;
	double		y;

	if (!task_unpack(t, "[FF]", NULL, &x, &y))
		return TASK_FAILURE;
	if (x + y == (double) (long) (x + y))
		return task_return(t, "I", (long long) (x + y));
	return task_return(t, "f", x + y);
}

/* everything a task can know about itself */
static task_status
info(task *t)
{
	const char *key = NULL;

	if (!task_unpack(t, NULL, "{s?s*}", "header", &key))
		return TASK_FAILURE;
	return task_return(t, "{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:i, s:i, s:i, s:i, s:s?, s:i}",
					   "id", task_id(t), "name", task_name(t),
					   "queue", task_queue(t), "root_id", task_root_id(t),
					   "parent_id", task_parent_id(t),
					   "group_id", task_group_id(t),
					   "retries", task_retries(t),
					   "max_retries", task_max_retries(t),
					   "delivery", task_delivery_number(t),
					   "priority", task_priority(t),
					   "header", task_header(t, key),
					   "pid", (int) getpid());
}

TASK_MODULE("echo",
			TASK("echo", echo),
			TASK("add", add),
			TASK("info", info),
			TASK("quiet", echo, .ignore_result = 1));
