/*
 * run.h
 *		What all ways of running tasks have in common.
 */
#ifndef CELERIAC_EXECUTOR_RUN_H
#define CELERIAC_EXECUTOR_RUN_H

#include "base/names.h"

#include "base/delivery.h"
#include "executor/cmodule.h"
#include "executor/hand.h"

/* How long tasks share a transaction. */
#define SHARE_USEC		3000

/* The tasks of one transaction, and what became of them. */
typedef struct Run
{
	RunTask    *tasks;
	int			count;			/* outcomes so far */
	int			writers;		/* of these, with a transaction id */
	bool		shares;			/* several may share the transaction */
	bool		full;			/* but none may join any more */
	bool		follows;		/* the transaction has ended others before */
	TimestampTz until;			/* then none joins */
	const char *sender;
	Outcome    *outcomes;
	ModuleText *texts;			/* what tasks of modules left behind */
} Run;

/* of what is run at a time */
extern MemoryContext celeriac_run_context;

/* apply outcomes in the current transaction; false when one was refused */
extern bool celeriac_report(Outcome *outcomes, int count);
/* and in a transaction of its own */
extern void celeriac_run_report(Outcome *outcomes, int count);

/*
 * Log that an outcome was refused.  Nobody else could end the task either while
 * we held on to its claim.
 */
extern void celeriac_drop_refused(const Delivery *d);

#endif							/* CELERIAC_EXECUTOR_RUN_H */
