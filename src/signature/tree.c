/*
 * tree.c
 *		Signatures as trees: their kinds, and how nodes are made.
 */
#include "signature/tree.h"

#include <math.h>

#include "base/check.h"
#include "base/errors.h"
#include "base/json.h"

/* by CanvasKind; the names are Celery's, whose signatures are read */
const KindInfo celeriac_canvas_kinds[] = {
	[CANVAS_TASK] = {NULL, NULL, false},
	[CANVAS_CHAIN] = {"celery.chain", "chain", false},
	[CANVAS_GROUP] = {"celery.group", "group", false},
	[CANVAS_CHORD] = {"celery.chord", "chord", false},
	[CANVAS_MAP] = {"celery.map", "xmap", true},
	[CANVAS_STARMAP] = {"celery.starmap", "xstarmap", true},
	[CANVAS_CHUNKS] = {"celery.chunks", "chunks", true}
};

CanvasKind
celeriac_canvas_kind(const JsonbValue *task, const JsonbValue *subtask_type)
{
	for (int i = CANVAS_CHAIN; i < lengthof(celeriac_canvas_kinds); i++)
	{
		bool		named = celeriac_is_text(task, celeriac_canvas_kinds[i].task);
		bool		typed = celeriac_is_text(subtask_type, celeriac_canvas_kinds[i].subtask_type);

		if (named && (typed || subtask_type->type == jbvNull))
			return i;
		if (named || typed)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("\"task\" and \"subtask_type\" of a signature do not agree"),
					 errdetail("\"%s\" goes with \"%s\".", celeriac_canvas_kinds[i].task,
							   celeriac_canvas_kinds[i].subtask_type)));
	}
	if (subtask_type->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("there is no subtask_type \"%.*s\"", subtask_type->val.string.len,
						subtask_type->val.string.val)));
	return CANVAS_TASK;
}

Canvas *
celeriac_canvas_new(CanvasKind kind, const char *name)
{
	Canvas	   *canvas = palloc0(sizeof(Canvas));

	canvas->kind = kind;
	canvas->name = pstrdup(name != NULL ? name : celeriac_canvas_kinds[kind].task);
	canvas->args = celeriac_empty_array();
	canvas->kwargs = celeriac_empty_object();
	canvas->options = celeriac_empty_object();
	canvas->immutable = celeriac_canvas_kinds[kind].immutable;
	return canvas;
}

void
celeriac_require_mappable(CanvasKind kind, const char *name)
{
	if (kind != CANVAS_TASK)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("what is mapped must be a task, not %s", name)));
}

Canvas *
celeriac_canvas_new_mapped(const char *name)
{
	JsonbValue	task = {.type = jbvString};
	JsonbValue	no_type = {.type = jbvNull};

	celeriac_require_task_name(name);
	task.val.string.val = unconstify(char *, name);
	task.val.string.len = strlen(name);
	celeriac_require_mappable(celeriac_canvas_kind(&task, &no_type), name);
	return celeriac_canvas_new(CANVAS_TASK, name);
}

int
celeriac_require_size(double size)
{
	if (!(size >= 1 && size <= PG_INT32_MAX && size == floor(size)))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("the size of chunks must be a whole number between 1 and %d",
						PG_INT32_MAX)));
	return (int) size;
}

void
celeriac_require_arrays(Jsonb *items)
{
	JsonbIterator *it = JsonbIteratorInit(&items->root);
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		if (!celeriac_is_array(&value))
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("each item of a starmap or of chunks must be a JSON array of arguments")));
	}
}

/*
 * New ones
 */
Canvas *
celeriac_canvas_chain(List *tasks)
{
	Canvas	   *chain = celeriac_canvas_new(CANVAS_CHAIN, NULL);

	chain->children = tasks;
	return chain;
}

Canvas *
celeriac_canvas_group(List *tasks)
{
	Canvas	   *group = celeriac_canvas_new(CANVAS_GROUP, NULL);

	group->children = tasks;
	return group;
}

Canvas *
celeriac_canvas_chord(Canvas *header, Canvas *body)
{
	Canvas	   *chord = celeriac_canvas_new(CANVAS_CHORD, NULL);

	chord->header = header;
	chord->body = body;
	return chord;
}

Canvas *
celeriac_canvas_map(CanvasKind kind, const char *name, Jsonb *items, int size)
{
	Canvas	   *map = celeriac_canvas_new(kind, NULL);

	celeriac_require_array(items, "items");
	map->mapped = celeriac_canvas_new_mapped(name);
	map->items = items;
	map->size = size;
	if (kind != CANVAS_MAP)
		celeriac_require_arrays(items);
	if (kind == CANVAS_CHUNKS)
		(void) celeriac_require_size(size);
	return map;
}
