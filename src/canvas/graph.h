/*
 * graph.h
 *		A canvas as rows: a message per task and per group, an edge per
 *		dependency.
 *
 * A message that others wait for says so in its options: "canvas" is the number
 * of tasks that wait for it, or 0 for a member of a group.
 */
#ifndef CELERIAC_CANVAS_GRAPH_H
#define CELERIAC_CANVAS_GRAPH_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "rows/post.h"
#include "signature/tree.h"

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

#define NOTHING	(-1)

typedef struct Edge
{
	int			source;			/* places in the list of messages */
	int			target;
	int			slot;
	int			depth;
} Edge;

/* Messages and edges that are to be inserted. */
typedef struct Graph
{
	const Family *family;
	int			count;
	int			room;
	SendRequest *requests;
	int		   *targets;		/* tasks that wait for it; NOTHING = none, and
								 * 0 = a group */
	int			nedges;
	int			edge_room;
	Edge	   *edges;
} Graph;

/* Where a subtree is, seen from below. */
typedef struct Place
{
	int			source;			/* whose result comes first, or NOTHING */
	int			depth;			/* groups entered since */
	Jsonb	   *first;			/* an argument known already, or NULL */
	int			gather;			/* the group this is a member of, or NOTHING */
	int			slot;			/* as which one */
} Place;

extern void celeriac_graph_begin(Graph *graph, const Family *family);
/* returns the place of the message whose result is that of the whole */
extern int	celeriac_graph_build(Graph *graph, const Canvas *canvas,
								 const Place *place);
/* insert it; returns the groups that are complete, as celeriac_graph_send */
extern List *celeriac_graph_write(Graph *graph);

extern bool celeriac_graph_ends_in_group(const Canvas *canvas);
extern const Canvas *celeriac_graph_innermost(const Canvas *canvas);

/*
 * Insert a canvas that celeriac_canvas_prepare has made ready.  id becomes the
 * one whose result is that of the whole.  Returns the outcomes of the groups that
 * are complete at once, being empty: the caller ends them.
 */
extern List *celeriac_graph_send(const Canvas *canvas, const Family *family,
								 pg_uuid_t *id);

#endif							/* CELERIAC_CANVAS_GRAPH_H */
