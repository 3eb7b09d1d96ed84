/*
 * failure.h
 *		Failures: what waited for a step that did not succeed ends too.
 */
#ifndef CELERIAC_CANVAS_FAILURE_H
#define CELERIAC_CANVAS_FAILURE_H

#include "base/names.h"

#include "nodes/pg_list.h"

/* end what waited for them; returns that, and groups that will fail, as steps */
extern List *celeriac_fail_dependents(List *steps);
/* the steps of the next round: groups that will fail, and those that have ended */
extern List *celeriac_join_groups(List *failing, List *ended);

#endif							/* CELERIAC_CANVAS_FAILURE_H */
