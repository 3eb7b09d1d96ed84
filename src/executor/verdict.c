/*
 * verdict.c
 *		A task's outcome, from the error it ended with or the reason it was stopped.
 */
#include "executor/verdict.h"

#include "utils/timestamp.h"

#include "base/condition.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/uuid.h"
#include "executor/stop.h"
#include "sdk/states.h"
#include "task/intask.h"

char *
celeriac_task_label(const Delivery *d)
{
	return psprintf("%s[%s]", d->name, celeriac_uuid_text(&d->id));
}

void
celeriac_end_with(Outcome *outcome, OutcomeState state, const char *exc_type,
				  const char *message)
{
	outcome->state = state;
	outcome->result = NULL;
	outcome->exc_type = exc_type;
	outcome->exc_message = message;
	outcome->traceback = NULL;
}

static void
append_line(StringInfo buf, const char *title, const char *text)
{
	if (text != NULL)
		appendStringInfo(buf, "%s%s:  %s", buf->len > 0 ? "\n" : "", title, text);
}

/* What psql would show below the message; NULL = nothing. */
static char *
traceback(const ErrorData *error)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_line(&buf, "DETAIL", error->detail);
	append_line(&buf, "HINT", error->hint);
	append_line(&buf, "QUERY", error->internalquery);
	append_line(&buf, "CONTEXT", error->context);
	return buf.len > 0 ? buf.data : NULL;
}

void
celeriac_end_with_error(Outcome *outcome, const ErrorData *error)
{
	celeriac_end_with(outcome, OUTCOME_FAILURE,
					  error->sqlerrcode == ERRCODE_CELERIAC_ARGUMENT_MISMATCH ? EXC_TYPE :
					  celeriac_condition_exc_type(error->sqlerrcode),
					  error->message ? error->message : "missing error text");
	outcome->traceback = traceback(error);
}

/*
 * A task that had to end, ends for that reason whatever its error was; after a
 * soft limit it may have gone on to fail for another one.
 */
void
celeriac_end_cancelled(Outcome *outcome, const Delivery *d, const ErrorData *error,
					   CancelReason reason)
{
	if (reason == CANCEL_HARD)
		celeriac_end_with(outcome, OUTCOME_FAILURE, EXC_TIME_LIMIT,
						  psprintf("the task ran longer than its time limit of %g s", d->time_limit));
	else if (reason == CANCEL_TERMINATE)
		celeriac_end_with(outcome, OUTCOME_REVOKED, EXC_REVOKED, REVOKED_TERMINATED);
	else if (reason == CANCEL_STOP)
		celeriac_end_with(outcome, OUTCOME_PENDING, NULL, NULL);
	else if (reason == CANCEL_SOFT && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		celeriac_end_with(outcome, OUTCOME_FAILURE, EXC_SOFT_TIME_LIMIT,
						  psprintf("the task ran longer than its soft time limit of %g s",
								   d->soft_time_limit));
		outcome->traceback = traceback(error);
	}
	else if (!celeriac_intask_outcome(error, outcome))
		celeriac_end_with_error(outcome, error);
}

void
celeriac_log_outcome(const Delivery *d, const Outcome *outcome)
{
	int			elevel = outcome->state == OUTCOME_FAILURE ? LOG : DEBUG1;

	if (message_level_is_interesting(elevel))
		ereport(elevel,
				(errmsg("task %s ended as %s%s%s", celeriac_task_label(d), outcome_state_name(outcome->state),
						outcome->exc_type ? ": " : "",
						outcome->exc_type ? outcome->exc_type : ""),
				 outcome->exc_message ? errdetail_internal("%s", outcome->exc_message) : 0,
				 errhidestmt(true), errhidecontext(true)));
}

void
celeriac_start_outcome(Outcome *outcome, const Delivery *d)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->id = d->id;
	outcome->delivery = d->delivery;
	outcome->countdown = -1;
	outcome->started_at = GetCurrentTimestamp();
}
