/*
 * callback.h
 *		Links and errbacks: what is sent when a task has ended.
 */
#ifndef CELERIAC_CANVAS_CALLBACK_H
#define CELERIAC_CANVAS_CALLBACK_H

#include "base/names.h"

#include "nodes/pg_list.h"

#include "base/delivery.h"

/* Send them.  Returns the steps (step.h) that have ended by that: empty groups. */
extern List *celeriac_callbacks(const Ended *ended);

/* End groups that were complete when they were sent; likewise. */
extern List *celeriac_end_complete(List *groups);

#endif							/* CELERIAC_CANVAS_CALLBACK_H */
