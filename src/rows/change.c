/*
 * change.c
 *		Triggers on messages and results: what a row says from now on.
 *
 * They refuse changes of state that are not legal, whoever writes, and tell the
 * rest what a change means: what is ready (xact.c), what is due (coordinator),
 * what has ended (wake.c), and the events.
 *
 * Under a session claim the row stays as it was when the task was claimed;
 * then the claim says what state the task is really in.
 */
#include "rows/change.h"

#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/relation.h"
#include "base/row.h"
#include "base/state.h"
#include "sdk/states.h"
#include "session/event.h"
#include "session/readylist.h"
#include "session/xact.h"
#include "shmem/claim.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(celeriac_message_changed);
PG_FUNCTION_INFO_V1(celeriac_result_changed);

/* Most rows of a statement have the state the last one had: compare bytes. */
static TaskState
read_state(const Row *row, int number)
{
	bool		isnull;
	text	   *value = DatumGetTextPP(celeriac_row_datum(row, number, &isnull));

	for (int i = 0; i < STATE_COUNT; i++)
	{
		const char *name = celeriac_states[i].name;

		if (name != NULL && strlen(name) == VARSIZE_ANY_EXHDR(value) &&
			memcmp(name, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) == 0)
			return (TaskState) i;
	}
	return STATE_CUSTOM;
}

/* A retry takes the worker off the row: its name is in the old row or the claim. */
static const char *
retried_by(const Row *old)
{
	const char *worker = celeriac_row_text(old, Anum_message_worker);
	Claim		claim;

	if (worker == NULL &&
		celeriac_claim_get(celeriac_row_uuid(old, Anum_message_id), &claim) &&
		claim.kind != CLAIM_TRANSIENT && claim.worker >= 0)
		worker = CelShmem->workers[claim.worker].name;
	return worker;
}

static const char *
retry_exception(const Row *row)
{
	Jsonb	   *options = celeriac_row_jsonb(row, Anum_message_options);
	Jsonb	   *reason = options == NULL ? NULL :
		celeriac_option_jsonb(options, "retry_reason");
	const char *type = celeriac_option_text(reason, "exc_type");
	const char *message = celeriac_option_text(reason, "exc_message");

	return psprintf("%s: %s", type ? type : "Retry", message ? message : "");
}

static void
announce_retried(const Row *old, const Row *new)
{
	TaskEvent	event = {
		.type = celeriac_states[STATE_RETRY].event,
		.id = celeriac_row_uuid(new, Anum_message_id),
		.name = celeriac_row_text(new, Anum_message_name),
		.worker = retried_by(old),
		.retries = celeriac_row_int32(new, Anum_message_retries, 0),
		.eta = celeriac_row_int64(new, Anum_message_eta, 0),
		.runtime = -1,
		.exception = retry_exception(new)
	};

	celeriac_event_task(&event);
}

static void
announce_message(const Row *row, const char *type)
{
	TaskEvent	event = {
		.type = type,
		.id = celeriac_row_uuid(row, Anum_message_id),
		.name = celeriac_row_text(row, Anum_message_name),
		.queue = celeriac_row_text(row, Anum_message_queue),
		.worker = celeriac_row_text(row, Anum_message_worker),
		.args = celeriac_row_jsonb(row, Anum_message_args),
		.kwargs = celeriac_row_jsonb(row, Anum_message_kwargs),
		.retries = celeriac_row_int32(row, Anum_message_retries, 0),
		.eta = celeriac_row_int64(row, Anum_message_eta, 0),
		.expires = celeriac_row_int64(row, Anum_message_expires, 0),
		.root_id = celeriac_row_uuid(row, Anum_message_root_id),
		.parent_id = celeriac_row_uuid(row, Anum_message_parent_id),
		.runtime = -1
	};

	celeriac_event_task(&event);
}

/* What the row is now, seen with the claim that may be on it. */
static TaskState
effective_state(const Row *row)
{
	TaskState	state = read_state(row, Anum_message_state);
	Claim		claim;

	if (!celeriac_claim_get(celeriac_row_uuid(row, Anum_message_id), &claim) ||
		claim.kind == CLAIM_TRANSIENT)
		return state;
	if (state == STATE_CUSTOM || state == STATE_STARTED)
		return state;
	return claim.started ? STATE_STARTED : STATE_RECEIVED;
}

static void
check_message_state(const Row *old, const Row *new, TaskState to)
{
	TaskState	from;

	if (celeriac_state_final(to))
		celeriac_invalid_transition(celeriac_row_uuid(new, Anum_message_id), NULL,
									celeriac_states[to].name);
	if (old == NULL)
		return;
	from = read_state(old, Anum_message_state);
	if (from == to || celeriac_transition_legal(from, to))
		return;
	from = effective_state(old);
	if (!celeriac_transition_legal(from, to))
		celeriac_invalid_transition(celeriac_row_uuid(new, Anum_message_id),
									celeriac_row_text(old, Anum_message_state),
									celeriac_row_text(new, Anum_message_state));
}

/* Tell the rest of the system what this row means from now on. */
static void
publish_message(const Row *old, const Row *new)
{
	int64		ready = celeriac_row_int64(new, Anum_message_ready, 0);
	bool		was_waiting = old != NULL && celeriac_row_int32(old, Anum_message_waiting, 0) > 0;
	TimestampTz due[] = {
		ready == 0 ? celeriac_row_int64(new, Anum_message_eta, NEVER) : NEVER,
		celeriac_row_int64(new, Anum_message_expires, NEVER),
		celeriac_row_int64(new, Anum_message_leased_until, NEVER)
	};

	if (ready != 0 &&
		(old == NULL || ready != celeriac_row_int64(old, Anum_message_ready, 0)))
	{
		bool		isnull;
		char		queue[CELERIAC_QUEUE_LEN];

		text_to_cstring_buffer(DatumGetTextPP(celeriac_row_datum(new, Anum_message_queue, &isnull)),
							   queue, sizeof(queue));
		celeriac_xact_ready(queue, DatumGetInt16(celeriac_row_datum(new, Anum_message_priority, &isnull)),
							ready, was_waiting);
	}
	for (int i = 0; i < lengthof(due); i++)
	{
		if (due[i] != NEVER)
			celeriac_xact_due(due[i]);
	}
}

/* The rows of a BEFORE ROW trigger; false when it is an INSERT. */
static bool
trigger_rows(FunctionCallInfo fcinfo, Row *old, Row *new)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	bool		update;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "a trigger function was called as none");
	update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	memset(old, 0, sizeof(*old));
	memset(new, 0, sizeof(*new));
	old->tuple = trigdata->tg_trigtuple;
	new->tuple = update ? trigdata->tg_newtuple : trigdata->tg_trigtuple;
	old->desc = new->desc = RelationGetDescr(trigdata->tg_relation);
	return update;
}

void
celeriac_message_stored(const Row *row)
{
	check_message_state(NULL, row, read_state(row, Anum_message_state));
	publish_message(NULL, row);
	if (celeriac_events_wanted())
		announce_message(row, "task-sent");
}

static void
message_updated(const Row *old, const Row *new)
{
	TaskState	to = read_state(new, Anum_message_state);

	check_message_state(old, new, to);
	publish_message(old, new);
	if (!celeriac_events_wanted() || to == read_state(old, Anum_message_state))
		return;
	if (to == STATE_RETRY)
		announce_retried(old, new);
	else if (celeriac_states[to].event != NULL)
		announce_message(new, celeriac_states[to].event);
}

/* BEFORE INSERT OR UPDATE FOR EACH ROW on task_message */
Datum
celeriac_message_changed(PG_FUNCTION_ARGS)
{
	Row			old;
	Row			new;

	if (trigger_rows(fcinfo, &old, &new))
		message_updated(&old, &new);
	else
		celeriac_message_stored(&new);
	return PointerGetDatum(new.tuple);
}

static void
announce_result(const Row *row, TaskState state)
{
	TimestampTz started = celeriac_row_int64(row, Anum_result_started_at, 0);
	TimestampTz done = celeriac_row_int64(row, Anum_result_done_at, 0);
	char	   *exc_type = celeriac_row_text(row, Anum_result_exc_type);
	char	   *exc_message = celeriac_row_text(row, Anum_result_exc_message);
	TaskEvent	event = {
		.type = celeriac_states[state].event,
		.id = celeriac_row_uuid(row, Anum_result_id),
		.name = celeriac_row_text(row, Anum_result_name),
		.worker = celeriac_row_text(row, Anum_result_worker),
		.retries = -1,
		.runtime = started == 0 ? -1 : (done - started) / 1000000.0,
		.traceback = celeriac_row_text(row, Anum_result_traceback)
	};

	if (state == STATE_SUCCESS)
		event.result = celeriac_row_jsonb(row, Anum_result_result);
	else if (state == STATE_FAILURE)
		event.exception = psprintf("%s: %s", exc_type ? exc_type : "Exception",
								   exc_message ? exc_message : "");
	else if (state == STATE_REVOKED)
		event.extra = psprintf("\"terminated\": %s, \"expired\": %s, \"signum\": null",
							   exc_message && strcmp(exc_message, REVOKED_TERMINATED) == 0 ? "true" : "false",
							   exc_message && strcmp(exc_message, REVOKED_EXPIRED) == 0 ? "true" : "false");
	else
		event.extra = "\"requeue\": false";
	celeriac_event_task(&event);
}

static TaskState
result_state(const Row *row)
{
	TaskState	state = read_state(row, Anum_result_state);

	if (!celeriac_state_final(state))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_TRANSITION),
				 errmsg("a result cannot be %s", celeriac_row_text(row, Anum_result_state)),
				 errdetail("Only a task that has ended has a result.")));
	return state;
}

void
celeriac_result_stored(const Row *row)
{
	TaskState	state = result_state(row);

	celeriac_xact_done(celeriac_row_uuid(row, Anum_result_id));
	if (celeriac_events_wanted() && celeriac_states[state].event != NULL)
		announce_result(row, state);
}

/* BEFORE INSERT OR UPDATE FOR EACH ROW on task_result */
Datum
celeriac_result_changed(PG_FUNCTION_ARGS)
{
	Row			old;
	Row			new;

	if (!trigger_rows(fcinfo, &old, &new))
		celeriac_result_stored(&new);
	else if (read_state(&new, Anum_result_state) != read_state(&old, Anum_result_state))
		celeriac_invalid_transition(celeriac_row_uuid(&new, Anum_result_id),
									celeriac_row_text(&old, Anum_result_state),
									celeriac_row_text(&new, Anum_result_state));
	else
		(void) result_state(&new);
	return PointerGetDatum(new.tuple);
}
