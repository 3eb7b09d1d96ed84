/*
 * verdict.h
 *		A task's outcome, from the error it ended with or the reason it was stopped.
 */
#ifndef CELERIAC_EXECUTOR_VERDICT_H
#define CELERIAC_EXECUTOR_VERDICT_H

#include "base/names.h"

#include "utils/elog.h"

#include "base/delivery.h"
#include "executor/stop.h"
#include "sdk/states.h"

/* of a task that begins now */
extern void celeriac_start_outcome(Outcome *outcome, const Delivery *d);

extern void celeriac_end_with(Outcome *outcome, OutcomeState state,
							  const char *exc_type, const char *message);
extern void celeriac_end_with_error(Outcome *outcome, const ErrorData *error);
/* the error may be due to the reason for which the task was stopped */
extern void celeriac_end_cancelled(Outcome *outcome, const Delivery *d,
								   const ErrorData *error, CancelReason reason);

extern void celeriac_log_outcome(const Delivery *d, const Outcome *outcome);
/* name[id], for messages */
extern char *celeriac_task_label(const Delivery *d);

#endif							/* CELERIAC_EXECUTOR_VERDICT_H */
