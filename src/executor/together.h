/*
 * together.h
 *		Running SQL tasks: call, outcome, commit; short ones share a transaction.
 */
#ifndef CELERIAC_EXECUTOR_TOGETHER_H
#define CELERIAC_EXECUTOR_TOGETHER_H

#include "base/names.h"

#include "executor/hand.h"

/*
 * Run the first, and if shares, as many after it as can share its transaction.
 * When all are done it may fill the spare hand and go on with that.  Returns how
 * many of the tasks are done.
 */
extern int	celeriac_run_together(RunTask *tasks, int count, bool shares, Hand *spare);

#endif							/* CELERIAC_EXECUTOR_TOGETHER_H */
