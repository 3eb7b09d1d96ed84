/*
 * result.c
 *		Asking for results: task_get and its kin, task_forget, task_requeue.
 *
 * Every look uses a snapshot of its own, so that waiting works in any
 * isolation level.  A task not sent by the caller's role is as unknown as one
 * never sent, unless the role may see all.
 */
#include "task/result.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/row.h"
#include "base/state.h"
#include "base/uuid.h"
#include "sdk/states.h"
#include "session/current.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/role.h"
#include "session/statement.h"
#include "shmem/wake.h"

PG_FUNCTION_INFO_V1(task_get);
PG_FUNCTION_INFO_V1(task_ready);
PG_FUNCTION_INFO_V1(task_successful);
PG_FUNCTION_INFO_V1(task_failed);
PG_FUNCTION_INFO_V1(task_forget);
PG_FUNCTION_INFO_V1(task_requeue);

static bool
may_see(Oid role, const char *sent_by)
{
	return strcmp(celeriac_role_name(role), sent_by) == 0 || celeriac_sees_all(role);
}

static bool
look_at_result(const pg_uuid_t *id, Oid role, TaskStatus *status)
{
	Datum		param = UUIDPGetDatum(id);
	Row			row;

	if (celeriac_exec(STMT_RESULT, &param, NULL) == 0)
		return false;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	memset(status, 0, sizeof(*status));
	status->finished = true;
	status->sent_by = celeriac_row_text(&row, Anum_of_result_sent_by);
	status->known = may_see(role, status->sent_by);
	status->state = celeriac_row_text(&row, Anum_of_result_state);
	status->result = celeriac_row_jsonb(&row, Anum_of_result_result);
	status->exc_type = celeriac_row_text(&row, Anum_of_result_exc_type);
	status->exc_message = celeriac_row_text(&row, Anum_of_result_exc_message);
	status->traceback = celeriac_row_text(&row, Anum_of_result_traceback);
	status->name = celeriac_row_text(&row, Anum_of_result_name);
	return true;
}

static bool
look_at_message(const pg_uuid_t *id, Oid role, TaskStatus *status)
{
	Datum		param = UUIDPGetDatum(id);
	Row			row;
	bool		isnull;

	if (celeriac_exec(STMT_MESSAGE, &param, NULL) == 0)
		return false;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	memset(status, 0, sizeof(*status));
	status->own = TransactionIdIsCurrentTransactionId(
													  DatumGetTransactionId(celeriac_row_datum(&row, Anum_of_message_xmin, &isnull)));
	status->state = celeriac_row_text(&row, Anum_of_message_state);
	status->sent_by = celeriac_row_text(&row, Anum_of_message_sent_by);
	status->known = may_see(role, status->sent_by);
	status->name = celeriac_row_text(&row, Anum_of_message_name);
	return true;
}

/* It may move from one table to the other between two looks: look again. */
void
celeriac_task_status(const pg_uuid_t *id, Oid role, TaskStatus *status)
{
	if (look_at_result(id, role, status) || look_at_message(id, role, status) ||
		look_at_result(id, role, status))
		return;
	memset(status, 0, sizeof(*status));
}

void
celeriac_unknown_task(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_UNKNOWN_TASK),
			 errmsg("task %s is not known", celeriac_uuid_text(id)),
			 errhint("It was never committed, its result has expired or was forgotten, or another role sent it.")));
}

static void
require_status(FunctionCallInfo fcinfo, TaskStatus *status)
{
	CelContext	context;

	celeriac_require_not_null(fcinfo, 0, "id");
	celeriac_enter(&context, fcinfo);
	celeriac_task_status(PG_GETARG_UUID_P(0), context.caller, status);
	if (!status->known)
		celeriac_unknown_task(PG_GETARG_UUID_P(0));
	celeriac_leave(&context);
}

/*
 * task_get
 */
static void
refuse_to_hang(const pg_uuid_t *id, const TaskStatus *status)
{
	if (status->own)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_WOULD_HANG),
				 errmsg("task %s was sent in this transaction, which has not committed",
						celeriac_uuid_text(id)),
				 errdetail("No worker can see it yet."),
				 errhint("Commit first, then wait for the result.")));
	if (celeriac_current_task != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_WOULD_HANG),
				 errmsg("a task must not wait for another task"),
				 errdetail("If all executors did, none would be left to run it."),
				 errhint("Use a callback (link) or a chain.")));
}

static void
timed_out(const pg_uuid_t *id, const TaskStatus *status)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_TIMEOUT),
			 errmsg("task %s has not ended in time", celeriac_uuid_text(id)),
			 errdetail("The task \"%s\" goes on.", status->name)));
}

static void
wait_for_end(const pg_uuid_t *id, Oid role, TimestampTz deadline, TaskStatus *status)
{
	celeriac_wait_get_begin(id);
	for (;;)
	{
		celeriac_task_status(id, role, status);
		if (status->finished || !status->known)
			break;
		refuse_to_hang(id, status);
		if (!celeriac_wait_sleep(deadline))
			timed_out(id, status);
	}
	celeriac_wait_end();
}

static TimestampTz
get_deadline(FunctionCallInfo fcinfo)
{
	double		seconds;

	if (PG_ARGISNULL(1))
		return NEVER;
	seconds = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(1));
	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("timeout must not be negative")));
	if (seconds > INT_MAX)
		return NEVER;
	return GetCurrentTimestamp() + (TimestampTz) (seconds * USECS_PER_SEC);
}

/*
 * "22012 division_by_zero" is raised as what it was; the rest as ours, and so is
 * what a worker gave a code of success.
 */
static int
error_code(const TaskStatus *status)
{
	const char *type = status->exc_type;

	if (celeriac_state(status->state) != STATE_FAILURE)
		return ERRCODE_CELERIAC_TASK_REVOKED;
	if (type != NULL && strlen(type) >= 5 && strncmp(type, "00", 2) != 0 &&
		strspn(type, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 &&
		(type[5] == ' ' || type[5] == '\0'))
		return MAKE_SQLSTATE(type[0], type[1], type[2], type[3], type[4]);
	return ERRCODE_CELERIAC_TASK_FAILED;
}

static void
raise_outcome(const pg_uuid_t *id, const TaskStatus *status)
{
	ereport(ERROR,
			(errcode(error_code(status)),
			 errmsg("task %s ended as %s%s%s%s%s", celeriac_uuid_text(id), status->state,
					status->exc_type || status->exc_message ? ": " : "",
					status->exc_type ? status->exc_type : "",
					status->exc_type && status->exc_message ? ": " : "",
					status->exc_message ? status->exc_message : ""),
			 errdetail("The task's name is \"%s\".", status->name),
			 status->traceback ? errcontext("task: %s", status->traceback) : 0));
}

/* What the task raised, in Celery's JSON form. */
static Jsonb *
outcome_as_json(const TaskStatus *status)
{
	OptionsBuilder json = {0};

	celeriac_options_text(&json, "exc_type",
						  status->exc_type ? status->exc_type : status->state);
	celeriac_options_text(&json, "exc_message",
						  status->exc_message ? status->exc_message : "");
	return celeriac_options_done(&json);
}

/* task_get(id, timeout, propagate) */
Datum
task_get(PG_FUNCTION_ARGS)
{
	CelContext	context;
	pg_uuid_t  *id;
	TaskStatus	status;
	TimestampTz deadline = get_deadline(fcinfo);
	bool		propagate = PG_ARGISNULL(2) || PG_GETARG_BOOL(2);

	celeriac_require_not_null(fcinfo, 0, "id");
	id = PG_GETARG_UUID_P(0);
	celeriac_enter(&context, fcinfo);
	celeriac_task_status(id, context.caller, &status);
	if (status.known && !status.finished)
	{
		refuse_to_hang(id, &status);
		wait_for_end(id, context.caller, deadline, &status);
	}
	if (!status.known)
		celeriac_unknown_task(id);
	celeriac_leave(&context);

	if (celeriac_state(status.state) != STATE_SUCCESS)
	{
		if (propagate)
			raise_outcome(id, &status);
		PG_RETURN_JSONB_P(outcome_as_json(&status));
	}
	if (status.result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(status.result);
}

Datum
task_ready(PG_FUNCTION_ARGS)
{
	TaskStatus	status;

	require_status(fcinfo, &status);
	PG_RETURN_BOOL(status.finished);
}

Datum
task_successful(PG_FUNCTION_ARGS)
{
	TaskStatus	status;

	require_status(fcinfo, &status);
	PG_RETURN_BOOL(status.finished && celeriac_state(status.state) == STATE_SUCCESS);
}

Datum
task_failed(PG_FUNCTION_ARGS)
{
	TaskStatus	status;

	require_status(fcinfo, &status);
	PG_RETURN_BOOL(status.finished && celeriac_state(status.state) == STATE_FAILURE);
}

bool
celeriac_may_change(Oid role, const TaskStatus *status)
{
	return status->known && (strcmp(celeriac_role_name(role), status->sent_by) == 0 ||
							 celeriac_is_admin(role));
}

/* A statement on a finished task that the caller may change. */
static bool
change_finished(FunctionCallInfo fcinfo, CelStatement statement)
{
	CelContext	context;
	TaskStatus	status;
	Datum		param;
	bool		changed = false;

	celeriac_require_not_null(fcinfo, 0, "id");
	param = PG_GETARG_DATUM(0);
	celeriac_enter(&context, fcinfo);
	celeriac_task_status(PG_GETARG_UUID_P(0), context.caller, &status);
	if (status.finished && celeriac_may_change(context.caller, &status))
		changed = celeriac_exec(statement, &param, NULL) > 0;
	celeriac_leave(&context);
	return changed;
}

Datum
task_forget(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(change_finished(fcinfo, STMT_FORGET));
}

Datum
task_requeue(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(change_finished(fcinfo, STMT_RERUN));
}
