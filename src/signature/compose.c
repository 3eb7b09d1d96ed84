/*
 * compose.c
 *		Making canvases: task_chain, task_group, task_chord, and the operator |.
 *
 * The rules of | are Celery's: groups of one are unrolled, chains are joined to
 * one, a group with something behind it becomes a chord, what follows a chord
 * goes into its body.
 */
#include "base/names.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/uuid.h"
#include "signature/accept.h"
#include "signature/calloption.h"
#include "signature/link.h"
#include "signature/prepare.h"
#include "signature/print.h"
#include "signature/signature.h"
#include "signature/tree.h"

PG_FUNCTION_INFO_V1(task_chain);
PG_FUNCTION_INFO_V1(task_group);
PG_FUNCTION_INFO_V1(task_chord);
PG_FUNCTION_INFO_V1(task_chord_of);
PG_FUNCTION_INFO_V1(task_map);
PG_FUNCTION_INFO_V1(task_starmap);
PG_FUNCTION_INFO_V1(task_chunks);
PG_FUNCTION_INFO_V1(task_set);
PG_FUNCTION_INFO_V1(task_link);
PG_FUNCTION_INFO_V1(task_on_error);
PG_FUNCTION_INFO_V1(celeriac_canvas_pipe);
PG_FUNCTION_INFO_V1(celeriac_canvas_prepared);

static Canvas *pipe_canvas(Canvas *left, Canvas *right);

static bool
is_empty_chain(const Canvas *canvas)
{
	return canvas->kind == CANVAS_CHAIN && canvas->children == NIL;
}

/*
 * The operator, by what stands on its left
 */
static Canvas *
pipe_task(Canvas *left, Canvas *right)
{
	if (right->kind == CANVAS_GROUP)
		right = celeriac_canvas_unroll(right);
	if (right->kind == CANVAS_CHAIN)
		return celeriac_canvas_chain(lcons(left, celeriac_canvas_unchain(right)));
	return celeriac_canvas_chain(list_make2(left, right));
}

static Canvas *
pipe_group(Canvas *left, Canvas *right)
{
	if (is_empty_chain(right) ||
		(right->kind == CANVAS_GROUP && right->children == NIL))
		return left;
	return celeriac_canvas_chord(left, right);
}

static Canvas *
pipe_chord(Canvas *left, Canvas *right)
{
	if (right->kind == CANVAS_GROUP && list_length(right->children) == 1)
		right = celeriac_canvas_unroll(right);
	else if (right->kind == CANVAS_GROUP || right->kind == CANVAS_CHAIN)
		return pipe_task(left, right);
	left->body = pipe_canvas(left->body, right);
	return left;
}

static Canvas *
pipe_chain_group(Canvas *left, Canvas *group)
{
	List	   *steps;
	Canvas	   *last;

	group = celeriac_canvas_unroll(group);
	if (group->kind != CANVAS_GROUP)
		return pipe_canvas(left, group);
	steps = celeriac_canvas_unchain(left);
	if (steps == NIL)
		return group;
	last = llast(steps);
	if (last->kind == CANVAS_CHORD)
		last->body = pipe_canvas(last->body, group);
	else
		steps = lappend(steps, group);
	return celeriac_canvas_chain(steps);
}

static Canvas *
pipe_chain_chain(Canvas *left, Canvas *right)
{
	List	   *steps = celeriac_canvas_unchain(right);
	ListCell   *cell;

	foreach(cell, steps)
		left = pipe_canvas(left, lfirst(cell));
	return left;
}

/* chain[..., group] | task: two chords in a row become one with a longer body */
static Canvas *
pipe_ending_in_group(Canvas *left, Canvas *right)
{
	Canvas	   *chord = celeriac_canvas_chord(llast(left->children), right);
	Canvas	   *before;

	left->children = list_delete_last(left->children);
	before = left->children == NIL ? NULL : llast(left->children);
	if (before != NULL && before->kind == CANVAS_CHORD)
		before->body = pipe_canvas(before->body, chord);
	else
		left->children = lappend(left->children, chord);
	return left;
}

static Canvas *
pipe_chain(Canvas *left, Canvas *right)
{
	Canvas	   *last = left->children == NIL ? NULL : llast(left->children);

	if (right->kind == CANVAS_GROUP)
		return pipe_chain_group(left, right);
	if (right->kind == CANVAS_CHAIN)
		return pipe_chain_chain(left, right);
	if (last != NULL && last->kind == CANVAS_GROUP)
		return pipe_ending_in_group(left, right);
	if (last != NULL && last->kind == CANVAS_CHORD && right->kind != CANVAS_CHORD)
	{
		last->body = pipe_canvas(last->body, right);
		return left;
	}
	return celeriac_canvas_chain(lappend(celeriac_canvas_unchain(left), right));
}

static Canvas *(*const pipes[]) (Canvas *, Canvas *) =
{
	[CANVAS_TASK] = pipe_task,
		[CANVAS_CHAIN] = pipe_chain,
		[CANVAS_GROUP] = pipe_group,
		[CANVAS_CHORD] = pipe_chord,
		[CANVAS_MAP] = pipe_task,
		[CANVAS_STARMAP] = pipe_task,
		[CANVAS_CHUNKS] = pipe_task
};

static Canvas *
pipe_canvas(Canvas *left, Canvas *right)
{
	check_stack_depth();
	return pipes[left->kind] (left, right);
}

/*
 * From SQL and back
 */
static Canvas *
canvas_argument(FunctionCallInfo fcinfo, int number, const char *argument)
{
	celeriac_require_not_null(fcinfo, number, argument);
	return celeriac_canvas_parse(PG_GETARG_JSONB_P(number));
}

static List *
canvas_array(FunctionCallInfo fcinfo, int number, const char *argument)
{
	ArrayType  *array;
	Datum	   *items;
	bool	   *nulls;
	int			count;
	List	   *list = NIL;

	celeriac_require_not_null(fcinfo, number, argument);
	array = PG_GETARG_ARRAYTYPE_P(number);
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT,
					  &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("%s must be an array without nulls", argument)));
		list = lappend(list, celeriac_canvas_parse(DatumGetJsonbP(items[i])));
	}
	return list;
}

static Datum
canvas_datum(const Canvas *canvas)
{
	return JsonbPGetDatum(celeriac_canvas_jsonb(canvas));
}

/* task_chain(VARIADIC tasks): as if they stood with | between them */
Datum
task_chain(PG_FUNCTION_ARGS)
{
	Canvas	   *chain = celeriac_canvas_chain(NIL);
	ListCell   *cell;

	foreach(cell, canvas_array(fcinfo, 0, "tasks"))
		chain = pipe_canvas(chain, lfirst(cell));
	return canvas_datum(chain);
}

/* task_group(VARIADIC tasks): a group of one group is that group */
Datum
task_group(PG_FUNCTION_ARGS)
{
	List	   *tasks = canvas_array(fcinfo, 0, "tasks");

	if (list_length(tasks) == 1 && ((Canvas *) linitial(tasks))->kind == CANVAS_GROUP)
		return canvas_datum(linitial(tasks));
	return canvas_datum(celeriac_canvas_group(tasks));
}

/* task_chord(header, body): the tasks of a chain are the header, not the chain */
Datum
task_chord(PG_FUNCTION_ARGS)
{
	Canvas	   *header = canvas_argument(fcinfo, 0, "header");
	Canvas	   *body = canvas_argument(fcinfo, 1, "body");

	if (header->kind == CANVAS_CHAIN)
		header = celeriac_canvas_group(celeriac_canvas_unchain(header));
	else if (header->kind != CANVAS_GROUP)
		header = celeriac_canvas_group(list_make1(header));
	return canvas_datum(celeriac_canvas_chord(header, body));
}

/* task_chord(header[], body) */
Datum
task_chord_of(PG_FUNCTION_ARGS)
{
	List	   *header = canvas_array(fcinfo, 0, "header");
	Canvas	   *body = canvas_argument(fcinfo, 1, "body");

	return canvas_datum(celeriac_canvas_chord(celeriac_canvas_group(header), body));
}

static Datum
make_map(FunctionCallInfo fcinfo, CanvasKind kind)
{
	int			size = 0;

	celeriac_require_not_null(fcinfo, 0, "name");
	celeriac_require_not_null(fcinfo, 1, "items");
	if (kind == CANVAS_CHUNKS)
	{
		celeriac_require_not_null(fcinfo, 2, "size");
		size = PG_GETARG_INT32(2);
	}
	return canvas_datum(celeriac_canvas_map(kind, text_to_cstring(PG_GETARG_TEXT_PP(0)),
											PG_GETARG_JSONB_P(1), size));
}

Datum
task_map(PG_FUNCTION_ARGS)
{
	return make_map(fcinfo, CANVAS_MAP);
}

Datum
task_starmap(PG_FUNCTION_ARGS)
{
	return make_map(fcinfo, CANVAS_STARMAP);
}

Datum
task_chunks(PG_FUNCTION_ARGS)
{
	return make_map(fcinfo, CANVAS_CHUNKS);
}

/* Options may hold signatures that nobody has checked yet. */
static Datum
checked_datum(const Canvas *canvas)
{
	Jsonb	   *document = celeriac_canvas_jsonb(canvas);

	celeriac_signature_require(document);
	return JsonbPGetDatum(document);
}

/* task_set(sig, options): immutable, among them, is not an option but a key */
Datum
task_set(PG_FUNCTION_ARGS)
{
	Canvas	   *canvas = canvas_argument(fcinfo, 0, "sig");
	Jsonb	   *options;
	bool		immutable;

	celeriac_require_not_null(fcinfo, 1, "options");
	options = PG_GETARG_JSONB_P(1);
	celeriac_require_object(options, "options");
	if (celeriac_option_bool(options, "immutable", &immutable))
	{
		celeriac_canvas_set_immutable(canvas, immutable);
		options = celeriac_jsonb_without(options, "immutable");
	}
	canvas->options = celeriac_call_options_set(canvas->options,
												celeriac_call_options(options));
	PG_RETURN_DATUM(checked_datum(canvas));
}

static Jsonb *
callback_argument(FunctionCallInfo fcinfo, const char *argument)
{
	return celeriac_canvas_jsonb(canvas_argument(fcinfo, 1, argument));
}

/* task_link(sig, callback) */
Datum
task_link(PG_FUNCTION_ARGS)
{
	Canvas	   *canvas = canvas_argument(fcinfo, 0, "sig");

	celeriac_canvas_link(canvas, callback_argument(fcinfo, "callback"));
	return canvas_datum(canvas);
}

/* task_on_error(sig, errback) */
Datum
task_on_error(PG_FUNCTION_ARGS)
{
	Canvas	   *canvas = canvas_argument(fcinfo, 0, "sig");

	celeriac_canvas_link_error(canvas, callback_argument(fcinfo, "errback"));
	return canvas_datum(canvas);
}

/* left | right */
Datum
celeriac_canvas_pipe(PG_FUNCTION_ARGS)
{
	return canvas_datum(pipe_canvas(canvas_argument(fcinfo, 0, "left"),
									canvas_argument(fcinfo, 1, "right")));
}

/* Back to where signatures have their ids. */
static void
show_ids(Canvas *canvas)
{
	JsonbValue	value = {.type = jbvString};
	ListCell   *cell;

	check_stack_depth();
	if (canvas->id != NULL)
	{
		value.val.string.val = celeriac_uuid_text(canvas->id);
		value.val.string.len = strlen(value.val.string.val);
		canvas->options = celeriac_jsonb_with(canvas->options, "task_id",
											  JsonbValueToJsonb(&value));
	}
	foreach(cell, canvas->children)
		show_ids(lfirst(cell));
	if (canvas->kind != CANVAS_CHORD)
		return;
	show_ids(canvas->header);
	show_ids(canvas->body);
}

/* celeriac_canvas_prepared(sig, args, kwargs, options): what would be sent */
Datum
celeriac_canvas_prepared(PG_FUNCTION_ARGS)
{
	Canvas	   *canvas = canvas_argument(fcinfo, 0, "sig");
	Jsonb	   *partial[3];

	for (int i = 0; i < lengthof(partial); i++)
		partial[i] = PG_ARGISNULL(i + 1) ? NULL : PG_GETARG_JSONB_P(i + 1);
	canvas = celeriac_canvas_prepare(canvas, partial[0], partial[1], partial[2]);
	show_ids(canvas);
	return canvas_datum(canvas);
}
