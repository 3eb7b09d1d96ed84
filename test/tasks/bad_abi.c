/*
 * bad_abi.c
 *		A module compiled for an ABI that never was: it must be refused.
 */
#include <celeriac/task.h>

#undef TASK_ABI_VERSION
#define TASK_ABI_VERSION 9999

static task_status
noop(task *t)
{
	return task_return(t, NULL);
}

TASK_MODULE("bad_abi", TASK("noop", noop));
