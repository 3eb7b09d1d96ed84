/*
 * runner.h
 *		Running fetched tasks: call, outcome, commit.
 */
#ifndef CELERIAC_RUNNER_H
#define CELERIAC_RUNNER_H

#include "celeriac.h"

#include "delivery.h"

struct ModuleTask;

/* A delivery and what runs it; neither = not registered. */
typedef struct RunTask
{
	Delivery   *delivery;
	Oid			function;
	const struct ModuleTask *module;
} RunTask;

extern void celeriac_runner_init(const char *worker);

/*
 * Run the first of these tasks, and others after it that can share its
 * transaction.  Returns how many are done with; 0 = call again.
 */
extern int	celeriac_run(RunTask *tasks, int count);

/* Apply outcomes in a transaction of its own. */
extern void celeriac_run_report(Outcome *outcomes, int count);

/* Did this task take little time so far? */
extern bool celeriac_run_is_short(const RunTask *task);

/* how many tasks it is worth to have in hand */
extern int	celeriac_run_budget(void);

#endif							/* CELERIAC_RUNNER_H */
