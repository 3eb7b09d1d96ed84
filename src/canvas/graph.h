/*
 * graph.h
 *		A canvas as rows: a message per task and per group, an edge per
 *		dependency.
 *
 * A message that others wait for says so in its options: "canvas" is the number
 * of tasks that wait for it, or 0 for a member of a group.
 */
#ifndef CELERIAC_GRAPH_H
#define CELERIAC_GRAPH_H

#include "base/names.h"

#include "canvas/callback.h"
#include "signature/tree.h"

/* the message that waits for the members of a group; nobody runs it */
#define CELERIAC_GROUP_TASK	"celeriac.group"

/* in the options of a message */
#define CELERIAC_TARGETS	"canvas"

/* What a canvas inherits from whatever sends it. */
typedef struct Family
{
	const pg_uuid_t *root_id;	/* NULL = it begins a new one */
	const pg_uuid_t *parent_id; /* of what it begins with; NULL = none */
	const char *sent_by;
	Jsonb	   *stamps;			/* that all get, or NULL */
	bool		unattended;		/* nobody is there to hear of an error: ids
								 * are made anew, arguments not looked at */
} Family;

/*
 * Insert a canvas that celeriac_canvas_prepare has made ready.  id becomes the
 * one whose result is that of the whole.
 */
extern void celeriac_graph_send(const Canvas *canvas, const Family *family,
								pg_uuid_t *id);

/* Why the document can take no task's place; NULL when it can. */
extern const char *celeriac_graph_refusal(Jsonb *signature);

/* Checked and made ready, with the callbacks of the task it replaces. */
extern Canvas *celeriac_graph_replacement(Jsonb *signature, Jsonb *options);

/*
 * In the transaction that ends a task, under the lock of its root, when its
 * message is gone: let a signature take its place, with its id, its group, its
 * callbacks and what waits for it.  Raises an error if the signature cannot.
 */
extern void celeriac_graph_replace(const Delivery *task, Jsonb *signature);

/* Likewise: let a signature join the group that a task which has ended is in. */
extern void celeriac_graph_join(const Ended *task, const Addition *addition);

#endif							/* CELERIAC_GRAPH_H */
