/*
 * fail.c
 *		Tasks that fail, each in its way.
 */
#include <celeriac/task.h>

#include <string.h>

/* [type, message], or [] */
static task_status
fail(task *t)
{
	const char *type = "ValueError";
	const char *message = "told to fail";

	if (strcmp(task_args_json(t), "[]") != 0 &&
		!task_unpack(t, "[ss]", NULL, &type, &message))
		return TASK_FAILURE;
	return task_fail(t, type, "%s", message);
}

/* fails without a word */
static task_status
mute(task *t)
{
	(void) t;
	return TASK_FAILURE;
}

/* a message that is no UTF-8 */
static task_status
latin(task *t)
{
	return task_fail(t, "ValueError", "caf\xe9");
}

/* a result that is JSON, but no jsonb */
static task_status
nul(task *t)
{
	return task_return_json(t, "\"a\\u0000b\"");
}

TASK_MODULE("fail",
			TASK("fail", fail),
			TASK("auto", fail, .max_retries = 2, .retry_delay = 0.05,
				 .autoretry_for = "IOError,TimeoutError"),
			TASK("mute", mute),
			TASK("latin", latin),
			TASK("nul", nul));
