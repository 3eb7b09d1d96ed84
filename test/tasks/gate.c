/*
 * gate.c
 *		Tasks that tell when they begin, and run until a test lets them end.
 */
#include <celeriac/task.h>

#include "pause.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* [gate, log]: appends "id delivery pid" to log, ends once gate exists */
static task_status
gate(task *t)
{
	const char *path;
	const char *log;
	FILE	   *file;
	bool		written;

	if (!task_unpack(t, "[ss]", NULL, &path, &log))
		return TASK_FAILURE;
	file = fopen(log, "a");
	if (file == NULL)
		return task_fail(t, "IOError", "%s: %s", log, strerror(errno));
	written = fprintf(file, "%s %d %d\n", task_id(t),
					  task_delivery_number(t), (int) getpid()) > 0;
	if (fclose(file) != 0 || !written)
		return task_fail(t, "IOError", "%s: %s", log, strerror(errno));
	while (access(path, F_OK) != 0)
		pause_for(0.01);
	return task_return(t, NULL);
}

TASK_MODULE("gate", TASK("gate", gate), TASK("once", gate, .acks_late = 0));
