/*
 * run.h
 *		Running fetched tasks: call, outcome, commit.
 */
#ifndef CELERIAC_RUNNER_H
#define CELERIAC_RUNNER_H

#include "base/names.h"

#include "base/delivery.h"

struct ModuleTask;

/* A delivery and what runs it; neither = not registered. */
typedef struct RunTask
{
	Delivery   *delivery;
	Oid			function;
	const struct ModuleTask *module;
} RunTask;

/* What an executor has claimed: tasks[next] … tasks[count - 1]. */
typedef struct Hand
{
	MemoryContext context;		/* of the tasks */
	RunTask    *tasks;
	int			count;
	int			next;
} Hand;

/* Claim what is ready, in the current transaction. */
typedef void (*HandFill) (Hand *hand);

extern void celeriac_runner_init(const char *worker, HandFill fill);

/*
 * Run the next task in hand, and others after it that can share its
 * transaction.  When all are done it may fill the spare hand and go on with
 * that.  Both tell what is left to do.
 */
extern void celeriac_run(Hand *hand, Hand *spare);

/* Apply outcomes in a transaction of its own. */
extern void celeriac_run_report(Outcome *outcomes, int count);

/* Did this task take little time so far? */
extern bool celeriac_run_is_short(const RunTask *task);

/* how many tasks it is worth to have in hand */
extern int	celeriac_run_budget(void);

#endif							/* CELERIAC_RUNNER_H */
