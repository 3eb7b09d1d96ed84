/*
 * graft.h
 *		What a running task does to the canvas it is in.
 */
#ifndef CELERIAC_CANVAS_GRAFT_H
#define CELERIAC_CANVAS_GRAFT_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "base/delivery.h"
#include "signature/tree.h"

/* Why the document can take no task's place; NULL when it can. */
extern const char *celeriac_graph_refusal(Jsonb *signature);

/* Checked and made ready, with the callbacks of the task it replaces. */
extern Canvas *celeriac_graph_replacement(Jsonb *signature, Jsonb *options);

/*
 * In the transaction that ends a task, under the lock of its root, when its
 * message is gone: let a signature take its place, with its id, its group, its
 * callbacks and what waits for it.  Raises an error if the signature cannot.
 * Returns the groups that are complete at once, as celeriac_graph_send.
 */
extern List *celeriac_graph_replace(const Delivery *task, Jsonb *signature);

/* Likewise: let a signature join the group that a task which has ended is in. */
extern List *celeriac_graph_join(const Ended *task, const Addition *addition);

#endif							/* CELERIAC_CANVAS_GRAFT_H */
