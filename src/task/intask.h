/*
 * intask.h
 *		What a running SQL task can ask for: its delivery, another end.
 */
#ifndef CELERIAC_TASK_INTASK_H
#define CELERIAC_TASK_INTASK_H

#include "base/names.h"

#include "utils/elog.h"

#include "base/delivery.h"

/* around the call of a task's function */
extern void celeriac_intask_begin(const Delivery *delivery);
extern void celeriac_intask_end(void);

/* SET CONSTRAINTS was called, which holds until the transaction ends */
extern void celeriac_intask_set_constraints(void);
extern bool celeriac_intask_constraints_set(void);

/* The function has returned: what it asked for goes with the outcome. */
extern void celeriac_intask_returned(Outcome *outcome);

/*
 * When the error that ended a task is one of task_raise_…(), fill in the
 * outcome it asks for; otherwise return false.
 */
extern bool celeriac_intask_outcome(const ErrorData *error, Outcome *outcome);

#endif							/* CELERIAC_TASK_INTASK_H */
