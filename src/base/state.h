/*
 * state.h
 *		The states of a task and the changes that are legal: one table.
 */
#ifndef CELERIAC_STATE_H
#define CELERIAC_STATE_H

#include "base/names.h"

typedef enum TaskState
{
	STATE_PENDING,
	STATE_RECEIVED,
	STATE_STARTED,
	STATE_CUSTOM,				/* any other word: PROGRESS, … */
	STATE_RETRY,
	STATE_SUCCESS,
	STATE_FAILURE,
	STATE_REVOKED,
	STATE_REJECTED,
	STATE_IGNORED,
	STATE_COUNT
} TaskState;

typedef struct StateInfo
{
	const char *name;
	const char *event;			/* announced on entering it; NULL = none */
	int			next;			/* states it may become */
} StateInfo;

extern const StateInfo celeriac_states[STATE_COUNT];

extern TaskState celeriac_state(const char *name);
extern const char *celeriac_state_name(TaskState state);	/* NULL for CUSTOM */
extern bool celeriac_state_final(TaskState state);
extern bool celeriac_transition_legal(TaskState from, TaskState to);
extern void celeriac_invalid_transition(const pg_uuid_t *id, const char *from,
										const char *to) pg_attribute_noreturn();

#endif							/* CELERIAC_STATE_H */
