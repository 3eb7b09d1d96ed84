/*
 * intask.c
 *		What a running SQL task can ask for: its delivery, another end.
 *
 * task_raise_retry, task_raise_reject and task_raise_ignore are errors with
 * codes of their own: what the task has done so far is rolled back, and a
 * function that swallows the error (WHEN OTHERS) has changed its mind.  What
 * does not fit an error is kept aside until the error arrives at the executor.
 */
#include "intask.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "argument.h"
#include "errors.h"
#include "message.h"

PG_FUNCTION_INFO_V1(task_current);
PG_FUNCTION_INFO_V1(task_raise_retry);
PG_FUNCTION_INFO_V1(task_raise_reject);
PG_FUNCTION_INFO_V1(task_raise_ignore);

typedef struct EndRequest
{
	double		countdown;		/* seconds; < 0 = the definition's */
	bool		no_reason;
	bool		requeue;
} EndRequest;

static EndRequest request;

static void
forget_request(void)
{
	request.countdown = -1;
	request.no_reason = false;
	request.requeue = false;
}

void
celeriac_intask_begin(const Delivery *delivery)
{
	celeriac_current_task = delivery;
	forget_request();
}

void
celeriac_intask_end(void)
{
	celeriac_current_task = NULL;
}

/* The code alone decides: a function may also RAISE SQLSTATE 'TC020' itself. */
bool
celeriac_intask_outcome(const ErrorData *error, Outcome *outcome)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_CELERIAC_TASK_RETRY:
			outcome->state = "RETRY";
			outcome->countdown = request.countdown;
			outcome->exc_message = request.no_reason ? NULL : error->message;
			return true;
		case ERRCODE_CELERIAC_TASK_REJECT:
			outcome->state = request.requeue ? "PENDING" : "REJECTED";
			return true;
		case ERRCODE_CELERIAC_TASK_IGNORE:
			outcome->state = "IGNORED";
			return true;
		default:
			return false;
	}
}

/* Functions of other sessions and of other transactions end up here. */
static const Delivery *
require_task(const char *function)
{
	if (celeriac_current_task == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_NOT_IN_TASK),
				 errmsg("%s can only be called inside a running SQL task", function)));
	return celeriac_current_task;
}

Datum
task_current(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(celeriac_delivery_datum(require_task("task_current()")));
}

/* task_raise_retry(countdown interval, reason text) */
Datum
task_raise_retry(PG_FUNCTION_ARGS)
{
	require_task("task_raise_retry()");
	forget_request();
	if (!PG_ARGISNULL(0))
		request.countdown = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(0));
	if (!PG_ARGISNULL(0) && request.countdown < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown must not be negative")));
	request.no_reason = PG_ARGISNULL(1);
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_TASK_RETRY),
			 errmsg("%s", PG_ARGISNULL(1) ? "the task asked to be retried" :
					text_to_cstring(PG_GETARG_TEXT_PP(1)))));
}

/* task_raise_reject(requeue boolean) */
Datum
task_raise_reject(PG_FUNCTION_ARGS)
{
	require_task("task_raise_reject()");
	forget_request();
	request.requeue = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_TASK_REJECT),
			 errmsg("the task was rejected")));
}

Datum
task_raise_ignore(PG_FUNCTION_ARGS)
{
	require_task("task_raise_ignore()");
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_TASK_IGNORE),
			 errmsg("the task asked to be ignored")));
}
