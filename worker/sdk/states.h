/*
 * states.h
 *		The states of a task and what an attempt can end as: one list of each,
 *		for the extension and for the worker program.
 *
 * Inside C a state is an enum.  Its text is for the border: tables, SQL
 * arguments, the protocol.  Nothing here needs the server or libpq.
 */
#ifndef CELERIAC_WORKER_SDK_STATES_H
#define CELERIAC_WORKER_SDK_STATES_H

#include <stddef.h>

/*
 * STATE(name, text, final, event).  text: in the tables; NULL = any other word
 * a task shows (PROGRESS, ...).  final: the task has ended.  event: announced
 * on entering the state, with Celery's name for it; NULL = none.
 */
#define CELERIAC_STATES(STATE) \
	STATE(PENDING, "PENDING", 0, NULL) \
	STATE(RECEIVED, "RECEIVED", 0, "task-received") \
	STATE(STARTED, "STARTED", 0, "task-started") \
	STATE(CUSTOM, NULL, 0, NULL) \
	STATE(RETRY, "RETRY", 0, "task-retried") \
	STATE(SUCCESS, "SUCCESS", 1, "task-succeeded") \
	STATE(FAILURE, "FAILURE", 1, "task-failed") \
	STATE(REVOKED, "REVOKED", 1, "task-revoked") \
	STATE(REJECTED, "REJECTED", 1, "task-rejected") \
	STATE(IGNORED, "IGNORED", 1, NULL)

/*
 * OUTCOME(name, text, state).  text: task_outcome.state.  state: what the task
 * is then, unless the server decides otherwise (it may run a failed task
 * again); STATE_COUNT = only the server can tell.
 */
#define CELERIAC_OUTCOMES(OUTCOME) \
	OUTCOME(SUCCESS, "SUCCESS", STATE_SUCCESS) \
	OUTCOME(FAILURE, "FAILURE", STATE_FAILURE) \
	OUTCOME(RETRY, "RETRY", STATE_RETRY) \
	OUTCOME(REVOKED, "REVOKED", STATE_REVOKED) \
	OUTCOME(REJECTED, "REJECTED", STATE_REJECTED) \
	OUTCOME(IGNORED, "IGNORED", STATE_IGNORED) \
	OUTCOME(PENDING, "PENDING", STATE_PENDING)	/* handed back */ \
	OUTCOME(LOST, "LOST", STATE_COUNT)	/* the process that ran it died */ \
	OUTCOME(REPLACED, "REPLACED", STATE_COUNT)	/* by the signature in result */

#define CELERIAC_STATE_MEMBER(name, text, final, event) STATE_##name,
#define CELERIAC_OUTCOME_MEMBER(name, text, state) OUTCOME_##name,

typedef enum TaskState
{
	CELERIAC_STATES(CELERIAC_STATE_MEMBER)
	STATE_COUNT
} TaskState;

typedef enum OutcomeState
{
	CELERIAC_OUTCOMES(CELERIAC_OUTCOME_MEMBER)
} OutcomeState;

/* no member, so that a switch may name all of them and no other */
#define CELERIAC_OUTCOME_ONE(name, text, state) + 1
#define OUTCOME_COUNT (0 CELERIAC_OUTCOMES(CELERIAC_OUTCOME_ONE))

#undef CELERIAC_STATE_MEMBER
#undef CELERIAC_OUTCOME_MEMBER

static inline const char *
outcome_state_name(OutcomeState state)
{
#define CELERIAC_OUTCOME_NAME(name, text, state) [OUTCOME_##name] = text,
	static const char *const names[] = {CELERIAC_OUTCOMES(CELERIAC_OUTCOME_NAME)};
#undef CELERIAC_OUTCOME_NAME

	return names[state];
}

#endif							/* CELERIAC_WORKER_SDK_STATES_H */
