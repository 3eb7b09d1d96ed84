/*
 * intask.c
 *		What a running SQL task can ask for: its delivery, another end.
 *
 * task_raise_retry, task_raise_reject and task_raise_ignore are errors with
 * codes of their own: what the task has done so far is rolled back, and a
 * function that swallows the error (WHEN OTHERS) has changed its mind.  What
 * does not fit an error is kept aside until the error arrives at the executor.
 *
 * task_replace and task_add_to_chord are no errors, since what the task has
 * written is kept.  They are done in the transaction that ends the task, with the
 * lock on its canvas that this takes; until then they are noted here, with the
 * subtransaction that asked for them, and forgotten if that is rolled back.
 */
#include "task/intask.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/uuid.h"
#include "canvas/graft.h"
#include "rows/message.h"
#include "sdk/states.h"
#include "session/current.h"

PG_FUNCTION_INFO_V1(task_current);
PG_FUNCTION_INFO_V1(task_raise_retry);
PG_FUNCTION_INFO_V1(task_raise_reject);
PG_FUNCTION_INFO_V1(task_raise_ignore);
PG_FUNCTION_INFO_V1(task_replace);
PG_FUNCTION_INFO_V1(task_add_to_chord);

typedef struct EndRequest
{
	double		countdown;		/* seconds; < 0 = the definition's */
	bool		no_reason;
	bool		requeue;
} EndRequest;

static EndRequest request;

/* What is to be done to the canvas when the task ends. */
typedef struct CanvasRequest
{
	Addition	addition;
	bool		replaces;
	SubTransactionId subid;
} CanvasRequest;

static bool constraints_set = false;

static MemoryContext request_context;
static List *canvas_requests = NIL;

static void
forget_request(void)
{
	request.countdown = -1;
	request.no_reason = false;
	request.requeue = false;
}

/* Later subtransactions have higher numbers, and all of them are its own. */
static void
forget_aborted(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid,
			   void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (canvas_requests != NIL &&
		   ((CanvasRequest *) llast(canvas_requests))->subid >= mySubid)
		canvas_requests = list_truncate(canvas_requests, list_length(canvas_requests) - 1);
}

void
celeriac_intask_begin(const Delivery *delivery)
{
	static bool registered = false;

	if (!registered)
		RegisterSubXactCallback(forget_aborted, NULL);
	registered = true;
	celeriac_current_task = delivery;
	request_context = CurrentMemoryContext;
	canvas_requests = NIL;
	constraints_set = false;
	forget_request();
}

void
celeriac_intask_set_constraints(void)
{
	constraints_set = true;
}

bool
celeriac_intask_constraints_set(void)
{
	return constraints_set;
}

/* A replacement counts for more than what the function returned after it. */
void
celeriac_intask_returned(Outcome *outcome)
{
	ListCell   *cell;

	foreach(cell, canvas_requests)
	{
		CanvasRequest *canvas = lfirst(cell);

		if (!canvas->replaces)
			outcome->added = lappend(outcome->added, &canvas->addition);
		else
		{
			outcome->state = OUTCOME_REPLACED;
			outcome->result = canvas->addition.signature;
		}
	}
	canvas_requests = NIL;
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
			outcome->state = OUTCOME_RETRY;
			outcome->countdown = request.countdown;
			outcome->exc_message = request.no_reason ? NULL : error->message;
			return true;
		case ERRCODE_CELERIAC_TASK_REJECT:
			outcome->state = request.requeue ? OUTCOME_PENDING : OUTCOME_REJECTED;
			return true;
		case ERRCODE_CELERIAC_TASK_IGNORE:
			outcome->state = OUTCOME_IGNORED;
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

/* What is wrong with the signature is the task's error. */
static CanvasRequest *
request_canvas(Jsonb *signature, bool replaces)
{
	MemoryContext caller = CurrentMemoryContext;
	CanvasRequest *canvas;

	(void) celeriac_graph_replacement(signature, NULL);
	MemoryContextSwitchTo(request_context);
	canvas = palloc0(sizeof(CanvasRequest));
	canvas->addition.signature = palloc(VARSIZE(signature));
	memcpy(canvas->addition.signature, signature, VARSIZE(signature));
	celeriac_uuid(&canvas->addition.id);
	canvas->replaces = replaces;
	canvas->subid = GetCurrentSubTransactionId();
	canvas_requests = lappend(canvas_requests, canvas);
	MemoryContextSwitchTo(caller);
	return canvas;
}

/* task_replace(sig): NULL, so that a function can return it */
Datum
task_replace(PG_FUNCTION_ARGS)
{
	require_task("task_replace()");
	celeriac_require_not_null(fcinfo, 0, "sig");
	(void) request_canvas(PG_GETARG_JSONB_P(0), true);
	PG_RETURN_NULL();
}

/* task_add_to_chord(sig): the id of what will join the group */
Datum
task_add_to_chord(PG_FUNCTION_ARGS)
{
	const Delivery *task = require_task("task_add_to_chord()");

	celeriac_require_not_null(fcinfo, 0, "sig");
	if (!task->has_group)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("the task is not a member of a chord or group")));
	PG_RETURN_UUID_P(&request_canvas(PG_GETARG_JSONB_P(0), false)->addition.id);
}
