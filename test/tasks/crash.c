/*
 * crash.c
 *		Tasks that kill the process they run in.
 */
#include <celeriac/task.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* [how]: "abort", "segv", "exit" or "kill" */
static task_status
crash(task *t)
{
	const char *how = "abort";

	if (strcmp(task_args_json(t), "[]") != 0 &&
		!task_unpack(t, "[s]", NULL, &how))
		return TASK_FAILURE;
	if (strcmp(how, "segv") == 0)
		raise(SIGSEGV);
	else if (strcmp(how, "kill") == 0)
		raise(SIGKILL);
	else if (strcmp(how, "exit") == 0)
		_exit(7);
	abort();
}

TASK_MODULE("crash", TASK("crash", crash), TASK("once", crash, .acks_late = 0));
