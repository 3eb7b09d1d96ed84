/*
 * state.c
 *		The states of a task and the changes that are legal: one table.
 *
 * Triggers on task_message and task_result enforce it, whoever writes
 * (change.c).
 */
#include "base/state.h"

#include "utils/builtins.h"

#include "base/compat.h"
#include "base/errors.h"
#include "base/uuid.h"
#include "sdk/states.h"

PG_FUNCTION_INFO_V1(celeriac_transitions);

#define TO(state)	(1 << STATE_##state)
#define OR_FINAL(name, text, final, event) | ((final) << STATE_##name)
#define FINAL		(0 CELERIAC_STATES(OR_FINAL))
#define FROM_STARTED (FINAL | TO(CUSTOM) | TO(RETRY) | TO(PENDING))

#define STATE_INFO(name, text, final, event) [STATE_##name] = {text, event},
const StateInfo celeriac_states[STATE_COUNT] = {
	CELERIAC_STATES(STATE_INFO)
};

/* the states each may become; a final one none */
static const int next_states[STATE_COUNT] = {
	[STATE_PENDING] = TO(RECEIVED) | TO(STARTED) | TO(REVOKED) | TO(FAILURE),
	[STATE_RECEIVED] = FROM_STARTED | TO(STARTED),
	[STATE_STARTED] = FROM_STARTED,
	[STATE_CUSTOM] = FROM_STARTED,
	[STATE_RETRY] = TO(RECEIVED) | TO(STARTED) | TO(REVOKED),
};

TaskState
celeriac_state(const char *name)
{
	for (int i = 0; i < STATE_COUNT; i++)
	{
		if (celeriac_states[i].name != NULL && strcmp(celeriac_states[i].name, name) == 0)
			return (TaskState) i;
	}
	return STATE_CUSTOM;
}

const char *
celeriac_state_name(TaskState state)
{
	return celeriac_states[state].name;
}

bool
celeriac_outcome_state(const char *text, OutcomeState *state)
{
	for (int i = 0; i < OUTCOME_COUNT; i++)
	{
		*state = (OutcomeState) i;
		if (strcmp(outcome_state_name(*state), text) == 0)
			return true;
	}
	return false;
}

bool
celeriac_state_final(TaskState state)
{
	return (FINAL & (1 << state)) != 0;
}

bool
celeriac_transition_legal(TaskState from, TaskState to)
{
	return (next_states[from] & (1 << to)) != 0;
}

void
celeriac_invalid_transition(const pg_uuid_t *id, const char *from,
							const char *to)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_TRANSITION),
			 errmsg("task %s cannot become %s", celeriac_uuid_text(id), to),
			 from == NULL ? errdetail("A message is of a task that has not ended.") :
			 errdetail("It is %s.", from),
			 errhint("See task_transition for the changes that are legal.")));
}

/* columns of celeriac_transitions() */
enum
{
	FROM_STATE, TO_STATE, EVENT, TRANSITION_COLUMNS
};

/* As rows; the custom states appear as '*'. */
Datum
celeriac_transitions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	celeriac_init_srf(fcinfo);
	for (int pair = 0; pair < STATE_COUNT * STATE_COUNT; pair++)
	{
		TaskState	from = (TaskState) (pair / STATE_COUNT);
		TaskState	to = (TaskState) (pair % STATE_COUNT);
		Datum		values[TRANSITION_COLUMNS];
		bool		nulls[TRANSITION_COLUMNS] = {false};

		if (!celeriac_transition_legal(from, to))
			continue;
		values[FROM_STATE] = CStringGetTextDatum(celeriac_states[from].name ? celeriac_states[from].name : "*");
		values[TO_STATE] = CStringGetTextDatum(celeriac_states[to].name ? celeriac_states[to].name : "*");
		nulls[EVENT] = (celeriac_states[to].event == NULL);
		values[EVENT] = nulls[EVENT] ? (Datum) 0 : CStringGetTextDatum(celeriac_states[to].event);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
