/*
 * advance.h
 *		What follows from the end of tasks: callbacks, and what waited for them.
 */
#ifndef CELERIAC_CANVAS_ADVANCE_H
#define CELERIAC_CANVAS_ADVANCE_H

#include "base/names.h"

#include "nodes/pg_list.h"

#include "base/delivery.h"

/*
 * In the transaction that ended them, once for all it ended at one time, with
 * their results written.  Those without options need not be among them.
 */
extern void celeriac_advance(const Ended *ended, int count);

/* Groups that were complete when they were sent (celeriac_graph_send) end. */
extern void celeriac_advance_complete(List *groups);

/* What waits although nothing is left to wait for goes on; for repair.c. */
extern void celeriac_advance_stuck(const pg_uuid_t *id, const pg_uuid_t *root,
								   bool is_group);

#endif							/* CELERIAC_CANVAS_ADVANCE_H */
