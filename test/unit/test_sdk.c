/*
 * test_sdk.c
 *		sdk.c: what tasks can do and what becomes of them.
 */
#include "sdk/sdk.h"

#include <stdlib.h>

#include "tap.h"

/* what the host was told */
static char last_state[64];
static char last_info[256];
static char last_log[256];
static bool revoked;
static bool soft_limit;

static bool
host_update_state(void *data, const char *state, const char *info)
{
	(void) data;
	snprintf(last_state, sizeof(last_state), "%s", state);
	snprintf(last_info, sizeof(last_info), "%s", info ? info : "(null)");
	return true;
}

static void
host_log(void *data, task_log_level level, const char *message)
{
	(void) data;
	snprintf(last_log, sizeof(last_log), "%d:%s", (int) level, message);
}

static bool
host_revoked(void *data)
{
	(void) data;
	return revoked;
}

static bool
host_soft_limit(void *data)
{
	(void) data;
	return soft_limit;
}

static const SdkHost host = {host_update_state, host_log, host_revoked,
host_soft_limit, NULL};

static SdkInput
input(const char *args, const char *kwargs)
{
	return (SdkInput) {
		.id = "0193a0de-0000-7000-8000-000000000001",
		.name = "unit.task",
		.queue = "default",
		.args = args,
		.kwargs = kwargs,
		.options = "{\"headers\": {\"trace\": \"abc\", \"n\": [1, 2]}}",
		.priority = 7,
		.retries = 2,
		.max_retries = TASK_NO_LIMIT,
		.delivery = 3,
	};
}

static SdkOutcome
run(task_function function, const char *args, const char *kwargs)
{
	SdkInput	in = input(args, kwargs);
	SdkOutcome	outcome;

	sdk_run(&host, &in, function, &outcome);
	return outcome;
}

/* Expect an outcome, and free it. */
static void
expect(SdkOutcome outcome, const char *state, const char *result,
	   const char *type, const char *name)
{
	is(outcome_state_name(sdk_outcome_state(&outcome)), state, name);
	is(outcome.result, result, "... result");
	is(outcome.exc_type, type, "... error");
	sdk_outcome_free(&outcome);
}

/*
 * Results
 */

static task_status
nothing(task *t)
{
	(void) t;
	return TASK_SUCCESS;
}

static task_status
null_result(task *t)
{
	return task_return(t, NULL);
}

static task_status
object_result(task *t)
{
	return task_return(t, "{s:i, s:[s, b]}", "n", 5, "list", "x", 1);
}

static task_status
scalar_result(task *t)
{
	return task_return(t, "s", "gr\xc3\xbc\xc3\x9f");
}

static task_status
broken_format(task *t)
{
	return task_return(t, "q");
}

static task_status
not_utf8(task *t)
{
	return task_return(t, "s", "\xff");
}

static task_status
json_result(task *t)
{
	return task_return_json(t, " {\"n\": 123456789012345678901234567890} ");
}

static task_status
bad_json_result(task *t)
{
	return task_return_json(t, "{\"n\": }");
}

static void
test_results(void)
{
	expect(run(nothing, NULL, NULL), "SUCCESS", NULL, NULL, "no result");
	expect(run(null_result, NULL, NULL), "SUCCESS", NULL, NULL, "null");
	expect(run(object_result, NULL, NULL), "SUCCESS",
		   "{\"n\":5,\"list\":[\"x\",true]}", NULL, "an object");
	expect(run(scalar_result, NULL, NULL), "SUCCESS",
		   "\"gr\xc3\xbc\xc3\x9f\"", NULL, "a scalar");
	expect(run(broken_format, NULL, NULL), "FAILURE", NULL, "TypeError",
		   "a broken format");
	expect(run(not_utf8, NULL, NULL), "FAILURE", NULL, "TypeError",
		   "text that is no UTF-8");
	expect(run(json_result, NULL, NULL), "SUCCESS",
		   " {\"n\": 123456789012345678901234567890} ", NULL,
		   "JSON text stays as it is, large numbers too");
	expect(run(bad_json_result, NULL, NULL), "FAILURE", NULL, "TypeError",
		   "JSON text that is none");
}

/*
 * Arguments
 */

static task_status
resize(task *t)
{
	const char *file;
	int			width = 640;

	if (!task_unpack(t, "[s]", "{s?i}", &file, "width", &width))
		return TASK_FAILURE;
	return task_return(t, "[s, i]", file, width);
}

static task_status
only_kwargs(task *t)
{
	int			n;

	if (!task_unpack(t, NULL, "{s:i}", "n", &n))
		return TASK_FAILURE;
	return task_return(t, "i", n);
}

static task_status
lenient(task *t)
{
	int			n;

	if (!task_unpack(t, "[i*]", "{*}", &n))
		return TASK_FAILURE;
	return task_return(t, "i", n);
}

static task_status
twice(task *t)
{
	const char *a;
	const char *b;

	if (!task_unpack(t, "[s*]", NULL, &a) ||
		!task_unpack(t, "[ss]", NULL, &a, &b))
		return TASK_FAILURE;
	return task_return(t, "[ss]", a, b);
}

static task_status
forgives(task *t)
{
	int			n;

	if (!task_unpack(t, "[i]", NULL, &n))
		return task_return(t, "s", "no number");
	return task_return(t, "i", n);
}

static void
test_mismatch(task_function function, const char *args, const char *kwargs,
			  const char *mentions, const char *name)
{
	SdkOutcome	outcome = run(function, args, kwargs);

	is(outcome.exc_type, "TypeError", name);
	ok(outcome.exc_message && strstr(outcome.exc_message, mentions),
	   "... the message says \"%s\": %s", mentions, outcome.exc_message);
	sdk_outcome_free(&outcome);
}

static void
test_arguments(void)
{
	expect(run(resize, "[\"a\"]", "{\"width\": 3}"), "SUCCESS",
		   "[\"a\",3]", NULL, "both kinds of arguments");
	expect(run(resize, "[\"a\"]", NULL), "SUCCESS", "[\"a\",640]", NULL,
		   "an optional one left out");
	expect(run(only_kwargs, "[1, 2]", "{\"n\": 4}"), "SUCCESS", "4", NULL,
		   "a side without a format is not looked at");
	expect(run(lenient, "[1, 2]", "{\"n\": 4}"), "SUCCESS", "1", NULL,
		   "'*' lets more through");
	expect(run(twice, "[\"x\", \"y\"]", NULL), "SUCCESS", "[\"x\",\"y\"]",
		   NULL, "unpacked twice");
	expect(run(forgives, "[\"x\"]", NULL), "SUCCESS", "\"no number\"", NULL,
		   "a mismatch the task gets over is forgotten");

	test_mismatch(resize, "[1]", NULL, "got wrong arguments",
				  "an argument of another type");
	test_mismatch(resize, "[]", NULL, "got wrong arguments", "one missing");
	test_mismatch(resize, "[\"a\", 1]", NULL, "unpacked", "one too many");
	test_mismatch(resize, "[\"a\"]", "{\"width\": \"w\"}",
				  "wrong keyword arguments", "a keyword of another type");
	test_mismatch(resize, "[\"a\"]", "{\"widht\": 1}", "widht",
				  "an unknown keyword");
	test_mismatch(resize, "[", NULL, "cannot read its arguments",
				  "no JSON at all");
}

/*
 * Other endings
 */

static task_status
fails(task *t)
{
	return task_fail(t, "IOError", "file %s: %d", "x", 5);
}

static task_status
fails_untyped(task *t)
{
	return task_fail(t, NULL, "oh");
}

static task_status
silent(task *t)
{
	(void) t;
	return TASK_FAILURE;
}

static task_status
fails_after_result(task *t)
{
	task_return(t, "i", 1);
	return task_fail(t, "E", "late");
}

static task_status
retries_with(task *t)
{
	return task_retry(t, 2.5, "busy");
}

static task_status
retries_default(task *t)
{
	return task_retry(t, -1, NULL);
}

static task_status
bare_retry(task *t)
{
	(void) t;
	return TASK_RETRY;
}

static task_status
rejects(task *t)
{
	return task_reject(t, false);
}

static task_status
requeues(task *t)
{
	return task_reject(t, true);
}

static task_status
ignores(task *t)
{
	return task_ignore(t);
}

static task_status
nonsense(task *t)
{
	(void) t;
	return (task_status) 77;
}

static task_status
stops(task *t)
{
	return task_revoked(t) ? TASK_REVOKED : TASK_SUCCESS;
}

static void
test_endings(void)
{
	SdkOutcome	outcome = run(fails, NULL, NULL);

	is(outcome.exc_message, "file x: 5", "a failure's message");
	expect(outcome, "FAILURE", NULL, "IOError", "a failure");
	expect(run(fails_untyped, NULL, NULL), "FAILURE", NULL, "Error",
		   "a failure without a type");
	expect(run(silent, NULL, NULL), "FAILURE", NULL, "Error",
		   "a failure without a word");
	expect(run(fails_after_result, NULL, NULL), "FAILURE", NULL, "E",
		   "a failure drops the result");

	outcome = run(retries_with, NULL, NULL);
	ok(outcome.countdown == 2.5, "a retry's countdown");
	expect(outcome, "RETRY", NULL, "Retry", "a retry");
	outcome = run(retries_default, NULL, NULL);
	ok(outcome.countdown < 0, "a retry as the definition says");
	sdk_outcome_free(&outcome);
	outcome = run(bare_retry, NULL, NULL);
	ok(outcome.countdown < 0, "a retry without a word");
	sdk_outcome_free(&outcome);

	expect(run(rejects, NULL, NULL), "REJECTED", NULL, NULL, "a reject");
	expect(run(requeues, NULL, NULL), "PENDING", NULL, NULL,
		   "a reject that requeues");
	expect(run(ignores, NULL, NULL), "IGNORED", NULL, NULL, "an ignore");
	expect(run(nonsense, NULL, NULL), "FAILURE", NULL, "Error",
		   "an unknown status");
	revoked = true;
	expect(run(stops, NULL, NULL), "REVOKED", NULL, "TaskRevokedError",
		   "a task that stops because it was revoked");
	revoked = false;
	soft_limit = true;
	expect(run(silent, NULL, NULL), "FAILURE", NULL, "SoftTimeLimitExceeded",
		   "a task that gives up at the soft limit");
	soft_limit = false;
}

/*
 * Others
 */

static bool fails_after_sending;
static bool sent_nonsense;

static task_status
sends(task *t)
{
	sent_nonsense = task_send_signature(t, "[1]") ||
		task_send_signature(t, "{") || task_send_signature(t, NULL) ||
		task_send(t, "m.t", "q", NULL) || task_send(t, NULL, NULL, NULL);
	task_send(t, "m.t", "[i, s]", "{s: b}", 1, "a", "k", 1);
	task_send(t, "m.t", NULL, NULL);
	task_add_to_chord(t, "{\"task\": \"m.u\"}");
	return fails_after_sending ? task_fail(t, "E", "no") : TASK_SUCCESS;
}

static task_status
replaces(task *t)
{
	return task_replace(t, "{\"task\": \"m.u\"}");
}

static task_status
replaces_by_nonsense(task *t)
{
	return task_replace(t, "\"m.u\"");
}

static task_status
says_replaced(task *t)
{
	(void) t;
	return TASK_REPLACED;
}

static void
test_others(void)
{
	SdkOutcome	outcome = run(sends, NULL, NULL);

	is(outcome.sent, "[{\"send\":{\"task\":\"m.t\",\"args\":[1,\"a\"],\"kwargs\":{\"k\":true}}},"
	   "{\"send\":{\"task\":\"m.t\"}},{\"add\":{\"task\":\"m.u\"}}]",
	   "what a task sends");
	ok(!sent_nonsense, "what is no signature is not sent");
	expect(outcome, "SUCCESS", NULL, NULL, "a task that sends");
	fails_after_sending = true;
	outcome = run(sends, NULL, NULL);
	is(outcome.sent, NULL, "a failure sends nothing");
	expect(outcome, "FAILURE", NULL, "E", "a task that fails after sending");

	expect(run(replaces, NULL, NULL), "REPLACED", "{\"task\": \"m.u\"}", NULL,
		   "a replaced task");
	expect(run(replaces_by_nonsense, NULL, NULL), "FAILURE", NULL,
		   "TypeError", "replaced by what is no signature");
	expect(run(says_replaced, NULL, NULL), "FAILURE", NULL, "Error",
		   "replaced by nothing");
}

/*
 * Services and facts
 */

static task_status
talks(task *t)
{
	if (!task_progress(t, "{s:i}", "done", 3))
		return TASK_FAILURE;
	if (strcmp(last_state, "PROGRESS") != 0)
		return TASK_FAILURE;
	task_update_state(t, "UPLOADING", NULL);
	task_log(t, TASK_LOG_WARNING, "half %d", 50);
	return task_return(t, "b", task_update_state(t, "X", "q"));
}

static task_status
facts(task *t)
{
	char	   *memory = task_alloc(t, 100);

	if (memory == NULL || memory[0] != 0 || memory[99] != 0)
		return task_fail(t, "MemoryError", "task_alloc");
	memset(memory, 'x', 100);
	return task_return(t, "[s, s, s, s?, i, i, i, i, s, s, s?, s, s]",
					   task_id(t), task_name(t), task_queue(t),
					   task_root_id(t), task_retries(t),
					   task_max_retries(t), task_delivery_number(t),
					   task_priority(t), task_header(t, "trace"),
					   task_header(t, "n"), task_header(t, "none"),
					   task_args_json(t), task_kwargs_json(t));
}

static void
test_services(void)
{
	SdkInput	in = input(NULL, NULL);
	SdkHost		none = {0};
	SdkOutcome	outcome;

	expect(run(talks, NULL, NULL), "SUCCESS", "false", NULL,
		   "states and log lines");
	is(last_state, "UPLOADING", "the last state");
	is(last_info, "(null)", "... without info");
	is(last_log, "2:half 50", "the log line");

	expect(run(facts, "[1]", NULL), "SUCCESS",
		   "[\"0193a0de-0000-7000-8000-000000000001\",\"unit.task\","
		   "\"default\",null,2,-1,3,7,\"abc\",\"[1,2]\",null,\"[1]\",\"{}\"]",
		   NULL, "facts");

	sdk_run(&none, &in, talks, &outcome);
	ok(outcome.status == TASK_FAILURE, "a host without services");
	sdk_outcome_free(&outcome);
}

int
main(void)
{
	test_results();
	test_arguments();
	test_endings();
	test_others();
	test_services();
	return tap_done();
}
