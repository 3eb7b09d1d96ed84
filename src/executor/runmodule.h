/*
 * runmodule.h
 *		Tasks of C modules: no transaction while they run, one for their outcomes.
 */
#ifndef CELERIAC_EXECUTOR_RUNMODULE_H
#define CELERIAC_EXECUTOR_RUNMODULE_H

#include "base/names.h"

#include "executor/hand.h"

/* run the first, and others after it that are short; returns how many are done */
extern int	celeriac_run_modules(RunTask *tasks, int count);

#endif							/* CELERIAC_EXECUTOR_RUNMODULE_H */
