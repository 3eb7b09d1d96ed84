/*
 * append.c
 *		A task that leaves a trace outside the database.
 */
#include <celeriac/task.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* [path, text]: appends a line, so that tests see who ran how often */
static task_status
append(task *t)
{
	const char *path;
	const char *text;
	FILE	   *file;
	bool		written;

	if (!task_unpack(t, "[ss]", NULL, &path, &text))
		return TASK_FAILURE;
	file = fopen(path, "a");
	if (file == NULL)
		return task_fail(t, "IOError", "%s: %s", path, strerror(errno));
	written = fprintf(file, "%s\n", text) > 0;
	if (fclose(file) != 0 || !written)
		return task_fail(t, "IOError", "%s: %s", path, strerror(errno));
	return task_return(t, NULL);
}

TASK_MODULE("append", TASK("append", append));
