/*
 * leak.c
 *		A task that loses memory.
 */
#include <celeriac/task.h>

#include <stdlib.h>
#include <string.h>

/* [bytes]: never freed */
static task_status
leak(task *t)
{
	long long	bytes;
	char	   *memory;

	if (!task_unpack(t, "[I]", NULL, &bytes))
		return TASK_FAILURE;
	memory = malloc((size_t) bytes);
	if (memory == NULL)
		return task_fail(t, "MemoryError", "malloc");
	memset(memory, 'x', (size_t) bytes);
	return task_return(t, "I", bytes);
}

TASK_MODULE("leak", TASK("leak", leak));
