/*
 * tree.h
 *		A signature as a tree: tasks, chains, groups, chords, maps.
 *
 * The tree is made by celeriac_canvas_parse, which checks all of it, and lives
 * in the memory context current then.  A signature given to a SQL function has
 * passed that check once already, when it became a task_signature.
 */
#ifndef CELERIAC_SIGNATURE_TREE_H
#define CELERIAC_SIGNATURE_TREE_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* How deep signatures may stand in one another, callbacks counted. */
#define CELERIAC_MAX_CANVAS_DEPTH	256

typedef enum CanvasKind
{
	CANVAS_TASK,
	CANVAS_CHAIN,
	CANVAS_GROUP,
	CANVAS_CHORD,
	CANVAS_MAP,
	CANVAS_STARMAP,
	CANVAS_CHUNKS
} CanvasKind;

typedef struct Canvas
{
	CanvasKind	kind;
	char	   *name;			/* a task's; Celery's for the others:
								 * celery.chain */
	Jsonb	   *args;			/* an array */
	Jsonb	   *kwargs;			/* an object: for a task, or all of a chord's
								 * header */
	Jsonb	   *options;		/* an object; link and link_error are arrays */
	bool		immutable;
	List	   *children;		/* chain, group: of Canvas */
	struct Canvas *header;		/* chord: a group */
	struct Canvas *body;		/* chord */
	struct Canvas *mapped;		/* map, starmap, chunks: the task */
	Jsonb	   *items;			/* map, starmap, chunks: an array */
	int			size;			/* chunks: items in each */
	int			depth;			/* in the document that it was read from */

	/* set by celeriac_canvas_prepare */
	const char *defined_by;		/* task: whose definition says queue and
								 * limits */
	pg_uuid_t  *id;				/* task, group: wanted by the sender, or NULL */
} Canvas;

/* new ones, without arguments and options */
extern Canvas *celeriac_canvas_chain(List *tasks);
extern Canvas *celeriac_canvas_group(List *tasks);
extern Canvas *celeriac_canvas_chord(Canvas *header, Canvas *body);

/* map, starmap or chunks; checks what it is given */
extern Canvas *celeriac_canvas_map(CanvasKind kind, const char *name, Jsonb *items,
								   int size);

/* What a kind is called in documents. */
typedef struct KindInfo
{
	const char *task;			/* NULL = any other name */
	const char *subtask_type;
	bool		immutable;		/* made so */
} KindInfo;

extern const KindInfo celeriac_canvas_kinds[];

/* by the keys "task" and "subtask_type" of a document */
extern CanvasKind celeriac_canvas_kind(const JsonbValue *task,
									   const JsonbValue *subtask_type);
extern Canvas *celeriac_canvas_new(CanvasKind kind, const char *name);
/* the task of a map, named alone */
extern Canvas *celeriac_canvas_new_mapped(const char *name);

/* each raises celeriac_invalid_argument: for a map's task, items and size */
extern void celeriac_require_mappable(CanvasKind kind, const char *name);
extern void celeriac_require_arrays(Jsonb *items);
extern int	celeriac_require_size(double size);

#endif							/* CELERIAC_SIGNATURE_TREE_H */
