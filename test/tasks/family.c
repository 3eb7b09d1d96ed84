/*
 * family.c
 *		Tasks that send others, let others take their place, end without them.
 */
#include <celeriac/task.h>

/* [how, signature] */
static task_status
parent(task *t)
{
	const char *how;
	const char *signature;

	if (!task_unpack(t, "[s, s]", NULL, &how, &signature))
		return TASK_FAILURE;
	switch (how[0])
	{
		case 'r':				/* replace */
			return task_replace(t, signature);
		case 'a':				/* add to chord */
			if (!task_add_to_chord(t, signature))
				return task_fail(t, "ValueError", "cannot be added");
			return task_return(t, "s", how);
	}
	if (!task_send_signature(t, signature) ||
		!task_send(t, "echo.add", "[i, i]", NULL, 1, 2) ||
		!task_send(t, "echo.echo", NULL, "{s: s}", "from", how) ||
		!task_send(t, "noop.noop", NULL, NULL))
		return task_fail(t, "ValueError", "cannot be sent");
	switch (how[0])
	{
		case 'f':				/* fail */
			return task_fail(t, "IOError", "after all");
		case 'i':				/* ignore */
			return task_ignore(t);
	}
	return task_return(t, "s", how);
}

TASK_MODULE("family", TASK("parent", parent, .max_retries = 0));
