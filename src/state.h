/*
 * state.h
 *		The states of a task and the changes that are legal: one table.
 */
#ifndef CELERIAC_STATE_H
#define CELERIAC_STATE_H

#include "celeriac.h"

#include "compat.h"
#include "row.h"

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

extern TaskState celeriac_state(const char *name);
extern const char *celeriac_state_name(TaskState state);	/* NULL for CUSTOM */
extern bool celeriac_state_final(TaskState state);
extern bool celeriac_transition_legal(TaskState from, TaskState to);
pg_noreturn extern void celeriac_invalid_transition(const pg_uuid_t *id, const char *from,
													const char *to);

/* What the triggers do for a new row, for those who insert without them. */
extern void celeriac_message_stored(const Row *row);
extern void celeriac_result_stored(const Row *row);

#endif							/* CELERIAC_STATE_H */
