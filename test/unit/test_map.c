/*
 * test_map.c
 *		map.c: a task called for each of many items.  An item left out, called
 *		twice or after one that failed is the error.
 */
#include "sdk/map.h"

#include <stdlib.h>

#include "sdk/sdk.h"
#include "tap.h"

static int	calls;

static task_status
add(task * t)
{
	int			x;
	int			y = 10;

	calls++;
	if (!task_unpack(t, "[i]", NULL, &x))
		return TASK_FAILURE;
	return task_return(t, "i", x + y);
}

static task_status
nothing(task * t)
{
	(void) t;
	calls++;
	return TASK_SUCCESS;
}

static task_status
again(task * t)
{
	calls++;
	return task_retry(t, 7, "later");
}

static task_status
big(task * t)
{
	return task_return_json(t, "1234567.12345678901");
}

/* What became of it: the result, or its error; to be freed. */
static char *
run(const char *name, task_function function, const char *kwargs)
{
	const SdkHost host = {0};
	const SdkInput input = {.name = name, .kwargs = kwargs};
	const task_definition task = {.name = "t", .run = function};
	SdkOutcome	outcome;
	char	   *said = NULL;

	calls = 0;
	map_run(&host, &input, &task, &outcome);
	if (outcome.status == TASK_SUCCESS)
		said = strdup(outcome.result);
	else if (outcome.status == TASK_RETRY)
		said = strdup(outcome.countdown == 7 ? "retry" : "retry at another time");
	else
		said = strdup(outcome.exc_type);
	sdk_outcome_free(&outcome);
	return said;
}

static void
check(const char *name, task_function function, const char *kwargs,
	  const char *expected, int expected_calls)
{
	char	   *said = run(name, function, kwargs);

	is(said, expected, kwargs == NULL ? "no kwargs" : kwargs);
	is_int(calls, expected_calls, "so many calls");
	free(said);
}

static task_status
sends(task * t)
{
	int			x;

	if (!task_unpack(t, "[i]", NULL, &x))
		return TASK_FAILURE;
	if (x > 1)
		task_send(t, "m.t", "[i]", NULL, x);
	return TASK_SUCCESS;
}

static void
test_sent(void)
{
	const SdkHost host = {0};
	const SdkInput input = {.name = MAP_TASK, .kwargs = "{\"task\": \"t\", \"it\": [1, 2, 3]}"};
	const task_definition task = {.name = "t", .run = sends};
	SdkOutcome	outcome;

	map_run(&host, &input, &task, &outcome);
	is(outcome.sent, "[{\"send\":{\"task\":\"m.t\",\"args\":[2]}},"
	   "{\"send\":{\"task\":\"m.t\",\"args\":[3]}}]", "what all calls sent");
	sdk_outcome_free(&outcome);
}

static void
test_names(void)
{
	char	   *task = map_task("{\"task\": \"demo.add\", \"it\": []}");

	ok(map_is("celeriac.map") && map_is("celeriac.starmap"), "maps");
	ok(!map_is("celeriac.group") && !map_is("") && !map_is("celeriac.mapped"), "and no maps");
	is(task, "demo.add", "the task it calls");
	free(task);
	is(map_task("{\"task\": 1}"), NULL, "none that is no name");
	is(map_task("{}"), NULL, "none that is missing");
	is(map_task("{"), NULL, "none without JSON");
	is(map_task(NULL), NULL, "none without kwargs");
}

int
main(void)
{
	test_names();
	test_sent();
	check(MAP_TASK, add, "{\"task\": \"t\", \"it\": [1, 2, 3]}", "[11,12,13]", 3);
	check(STARMAP_TASK, add, "{\"task\": \"t\", \"it\": [[1], [2]]}", "[11,12]", 2);
	check(MAP_TASK, nothing, "{\"task\": \"t\", \"it\": [1, null, {\"a\": []}]}", "[null,null,null]", 3);
	check(MAP_TASK, add, "{\"task\": \"t\", \"it\": []}", "[]", 0);
	check(MAP_TASK, big, "{\"task\": \"t\", \"it\": [1]}", "[1234567.12345678901]", 0);
	check(MAP_TASK, again, "{\"task\": \"t\", \"it\": [1, 2]}", "retry", 1);
	check(MAP_TASK, add, "{\"task\": \"t\", \"it\": [1, \"x\", 3]}", "TypeError", 2);
	check(STARMAP_TASK, add, "{\"task\": \"t\", \"it\": [[1], 2, [3]]}", "TypeError", 1);
	check(MAP_TASK, add, "{\"task\": \"t\", \"it\": {}}", "TypeError", 0);
	check(MAP_TASK, add, "{\"task\": \"t\"}", "TypeError", 0);
	check(MAP_TASK, add, NULL, "TypeError", 0);
	return tap_done();
}
