/*
 * runsql.h
 *		One SQL task: its function called in a subtransaction.
 */
#ifndef CELERIAC_EXECUTOR_RUNSQL_H
#define CELERIAC_EXECUTOR_RUNSQL_H

#include "base/names.h"

#include "base/delivery.h"
#include "executor/hand.h"
#include "executor/run.h"
#include "executor/stop.h"

/*
 * Run it, in the current transaction and as its sender.  False when it has to
 * run again alone; it has left no trace then.
 */
extern bool celeriac_run_sql_task(Run *run, const RunTask *task);

/*
 * An outcome without running it: true when it is one already.  A claim that is
 * not ours any more is found out by the outcome being refused.
 */
extern bool celeriac_ends_before_start(const RunTask *task, Outcome *outcome);

/* the task cannot be cancelled from here on */
extern CancelReason celeriac_leave_task(void);

#endif							/* CELERIAC_EXECUTOR_RUNSQL_H */
