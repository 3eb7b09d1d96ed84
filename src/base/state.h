/*
 * state.h
 *		The states of a task and the changes that are legal: one table.
 */
#ifndef CELERIAC_BASE_STATE_H
#define CELERIAC_BASE_STATE_H

#include "base/names.h"

#include "base/compat.h"
#include "sdk/states.h"

typedef struct StateInfo
{
	const char *name;			/* NULL = any other word: PROGRESS, … */
	const char *event;			/* announced on entering it; NULL = none */
} StateInfo;

extern const StateInfo celeriac_states[STATE_COUNT];

extern TaskState celeriac_state(const char *name);
extern const char *celeriac_state_name(TaskState state);	/* NULL for CUSTOM */
/* false when the text is none of an outcome */
extern bool celeriac_outcome_state(const char *text, OutcomeState *state);
extern bool celeriac_state_final(TaskState state);
extern bool celeriac_transition_legal(TaskState from, TaskState to);
pg_noreturn extern void celeriac_invalid_transition(const pg_uuid_t *id, const char *from,
													const char *to);

#endif							/* CELERIAC_BASE_STATE_H */
