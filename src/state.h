/*
 * state.h
 *		The states of a task and the changes that are legal: one table.
 */
#ifndef CELERIAC_STATE_H
#define CELERIAC_STATE_H

#include "celeriac.h"

#include "row.h"
#include "sdk/states.h"

extern TaskState celeriac_state(const char *name);
extern const char *celeriac_state_name(TaskState state);	/* NULL for CUSTOM */
extern bool celeriac_state_final(TaskState state);
extern bool celeriac_transition_legal(TaskState from, TaskState to);
extern void celeriac_invalid_transition(const pg_uuid_t *id, const char *from,
										const char *to) pg_attribute_noreturn();

/* What the triggers do for a new row, for those who insert without them. */
extern void celeriac_message_stored(const Row *row);
extern void celeriac_result_stored(const Row *row);

#endif							/* CELERIAC_STATE_H */
