/*
 * big.c
 *		A task with a large result.
 */
#include <celeriac/task.h>

#include <string.h>

/* [bytes]: a result of that size */
static task_status
big(task *t)
{
	long long	bytes;
	char	   *json;

	if (!task_unpack(t, "[I]", NULL, &bytes))
		return TASK_FAILURE;
	json = task_alloc(t, (size_t) bytes + 3);
	if (json == NULL)
		return task_fail(t, "MemoryError", "task_alloc");
	memset(json, 'x', (size_t) bytes + 2);
	json[0] = json[bytes + 1] = '"';
	return task_return_json(t, json);
}

TASK_MODULE("big", TASK("big", big));
