/*
 * read.c
 *		Signatures read from jsonb, as trees.
 *
 * A signature is read in one pass over its keys, and so are the lists in it:
 * a group of many thousands costs as much as its members do.
 */
#include "signature/read.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/json.h"
#include "signature/calloption.h"
#include "signature/tree.h"

typedef enum PartKind
{
	PART_TEXT,
	PART_TEXT_OR_NULL,
	PART_ARRAY,
	PART_OBJECT,
	PART_LIST_OR_SIGNATURE,
	PART_TASK,
	PART_BOOL,
	PART_NUMBER,
	PART_ANY
} PartKind;

static const char *const part_kinds[] = {
	[PART_TEXT] = "a string",
	[PART_TEXT_OR_NULL] = "a string or null",
	[PART_ARRAY] = "a JSON array",
	[PART_OBJECT] = "a JSON object",
	[PART_LIST_OR_SIGNATURE] = "a JSON array of signatures, or a signature",
	[PART_TASK] = "a task's name or signature",
	[PART_BOOL] = "true or false",
	[PART_NUMBER] = "a number",
	[PART_ANY] = NULL
};

/* A key that an object may have, or must have. */
typedef struct Part
{
	const char *key;
	PartKind	kind;
	bool		required;
} Part;

#define MAX_PARTS 7

typedef struct Shape
{
	const char *what;
	Part		parts[MAX_PARTS];
} Shape;

enum
{
	SIG_TASK, SIG_ARGS, SIG_KWARGS, SIG_OPTIONS, SIG_SUBTASK_TYPE, SIG_IMMUTABLE
};

static const Shape signature_shape = {"a signature", {
		{"task", PART_TEXT, true},
		{"args", PART_ARRAY},
		{"kwargs", PART_OBJECT},
		{"options", PART_OBJECT},
		{"subtask_type", PART_TEXT_OR_NULL},
		{"immutable", PART_BOOL},
		{"chord_size", PART_ANY}
}};

/* the kwargs of each kind but tasks, in which anything may be */
enum
{
	LIST_TASKS
};

enum
{
	CHORD_HEADER, CHORD_BODY, CHORD_KWARGS
};

enum
{
	MAP_TASK, MAP_ITEMS, MAP_SIZE
};

static const Shape chain_shape = {"kwargs of a chain", {{"tasks", PART_ARRAY, true}}};
static const Shape group_shape = {"kwargs of a group", {{"tasks", PART_ARRAY, true}}};
static const Shape chord_shape = {"kwargs of a chord", {
		{"header", PART_LIST_OR_SIGNATURE, true},
		{"body", PART_OBJECT, true},
		{"kwargs", PART_OBJECT}
}};
static const Shape map_shape = {"kwargs of a map", {
		{"task", PART_TASK, true},
		{"it", PART_ARRAY, true}
}};
static const Shape chunks_shape = {"kwargs of chunks", {
		{"task", PART_TASK, true},
		{"it", PART_ARRAY, true},
		{"n", PART_NUMBER, true}
}};

static Canvas *parse(JsonbContainer *container, int depth);

static bool
part_fits(const JsonbValue *value, PartKind kind)
{
	switch (kind)
	{
		case PART_TEXT:
			return value->type == jbvString;
		case PART_TEXT_OR_NULL:
			return value->type == jbvString || value->type == jbvNull;
		case PART_ARRAY:
			return celeriac_is_array(value);
		case PART_OBJECT:
			return celeriac_is_object(value);
		case PART_LIST_OR_SIGNATURE:
			return celeriac_is_array(value) || celeriac_is_object(value);
		case PART_TASK:
			return value->type == jbvString || celeriac_is_object(value);
		case PART_BOOL:
			return value->type == jbvBool;
		case PART_NUMBER:
			return value->type == jbvNumeric;
		case PART_ANY:
			return true;
	}
	return false;
}

static char *
known_keys(const Shape *shape)
{
	StringInfoData keys;

	initStringInfo(&keys);
	for (int i = 0; i < MAX_PARTS && shape->parts[i].key != NULL; i++)
		appendStringInfo(&keys, "%s%s", i > 0 ? ", " : "", shape->parts[i].key);
	return keys.data;
}

static int
find_part(const Shape *shape, const JsonbValue *key)
{
	for (int i = 0; i < MAX_PARTS && shape->parts[i].key != NULL; i++)
	{
		if (celeriac_is_text(key, shape->parts[i].key))
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("%s cannot have the key \"%.*s\"", shape->what,
					key->val.string.len, key->val.string.val),
			 errhint("The keys are: %s.", known_keys(shape))));
}

static void
require_fit(const Shape *shape, int number, const JsonbValue *value)
{
	const Part *part = &shape->parts[number];

	if (!part_fits(value, part->kind))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("\"%s\" of %s must be %s", part->key, shape->what,
						part_kinds[part->kind])));
}

static void
require_all(const Shape *shape, const JsonbValue *values)
{
	for (int i = 0; i < MAX_PARTS && shape->parts[i].key != NULL; i++)
	{
		if (shape->parts[i].required && values[i].type == jbvNull)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("%s must have the key \"%s\"", shape->what,
							shape->parts[i].key)));
	}
}

/* The values by the numbers of their keys; jbvNull for those missing. */
static void
read_parts(JsonbContainer *container, const Shape *shape, JsonbValue *values)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	key;
	JsonbValue	value;

	for (int i = 0; i < MAX_PARTS; i++)
		values[i].type = jbvNull;
	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		int			number = find_part(shape, &key);

		(void) JsonbIteratorNext(&it, &value, true);
		require_fit(shape, number, &value);
		values[number] = value;
	}
	require_all(shape, values);
}

static Jsonb *
part_jsonb(JsonbValue *value, Jsonb *(*otherwise) (void))
{
	return value->type == jbvNull ? otherwise() : JsonbValueToJsonb(value);
}

/*
 * Lists of signatures
 */
List *
celeriac_canvas_read_list(const JsonbValue *list, const char *what, int depth)
{
	JsonbIterator *it = JsonbIteratorInit(list->val.binary.data);
	JsonbValue	value;
	List	   *parsed = NIL;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		if (!celeriac_is_object(&value))
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("each element of %s must be a signature", what)));
		parsed = lappend(parsed, parse(value.val.binary.data, depth));
	}
	return parsed;
}

/*
 * The kwargs of each kind
 */
static void
parse_chain(Canvas *canvas, JsonbContainer *kwargs, int depth)
{
	JsonbValue	values[MAX_PARTS];

	read_parts(kwargs, canvas->kind == CANVAS_CHAIN ? &chain_shape : &group_shape,
			   values);
	canvas->children = celeriac_canvas_read_list(&values[LIST_TASKS],
												 canvas->kind == CANVAS_CHAIN ? "a chain" : "a group",
												 depth + 1);
}

static Canvas *
parse_header(const JsonbValue *header, int depth)
{
	Canvas	   *parsed;

	if (celeriac_is_array(header))
		return celeriac_canvas_group(celeriac_canvas_read_list(header, "a chord's header", depth));
	parsed = parse(header->val.binary.data, depth);
	if (parsed->kind == CANVAS_GROUP || parsed->kind == CANVAS_CHAIN)
		return parsed;
	return celeriac_canvas_group(list_make1(parsed));
}

static void
parse_chord(Canvas *canvas, JsonbContainer *kwargs, int depth)
{
	JsonbValue	values[MAX_PARTS];

	read_parts(kwargs, &chord_shape, values);
	canvas->header = parse_header(&values[CHORD_HEADER], depth + 1);
	canvas->body = parse(values[CHORD_BODY].val.binary.data, depth + 1);
	canvas->kwargs = part_jsonb(&values[CHORD_KWARGS], celeriac_empty_object);
}

static Canvas *
parse_mapped(const JsonbValue *task, int depth)
{
	Canvas	   *mapped;

	if (task->type == jbvString)
		return celeriac_canvas_new_mapped(pnstrdup(task->val.string.val, task->val.string.len));
	mapped = parse(task->val.binary.data, depth);
	celeriac_require_mappable(mapped->kind, mapped->name);
	return mapped;
}

static double
number_of(const JsonbValue *number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(number->val.numeric)));
}

static void
parse_map(Canvas *canvas, JsonbContainer *kwargs, int depth)
{
	JsonbValue	values[MAX_PARTS];

	read_parts(kwargs, canvas->kind == CANVAS_CHUNKS ? &chunks_shape : &map_shape,
			   values);
	canvas->mapped = parse_mapped(&values[MAP_TASK], depth + 1);
	canvas->items = JsonbValueToJsonb(&values[MAP_ITEMS]);
	if (canvas->kind != CANVAS_MAP)
		celeriac_require_arrays(canvas->items);
	if (canvas->kind == CANVAS_CHUNKS)
		canvas->size = celeriac_require_size(number_of(&values[MAP_SIZE]));
}

static void (*const parse_kwargs[]) (Canvas *, JsonbContainer *, int) =
{
	[CANVAS_CHAIN] = parse_chain,
		[CANVAS_GROUP] = parse_chain,
		[CANVAS_CHORD] = parse_chord,
		[CANVAS_MAP] = parse_map,
		[CANVAS_STARMAP] = parse_map,
		[CANVAS_CHUNKS] = parse_map
};

static Canvas *
parse(JsonbContainer *container, int depth)
{
	JsonbValue	values[MAX_PARTS];
	Canvas	   *canvas;

	check_stack_depth();
	if (depth > CELERIAC_MAX_CANVAS_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("signatures stand in one another deeper than %d",
						CELERIAC_MAX_CANVAS_DEPTH)));
	read_parts(container, &signature_shape, values);
	canvas = celeriac_canvas_new(celeriac_canvas_kind(&values[SIG_TASK], &values[SIG_SUBTASK_TYPE]),
								 pnstrdup(values[SIG_TASK].val.string.val,
										  values[SIG_TASK].val.string.len));
	celeriac_require_task_name(canvas->name);
	canvas->args = part_jsonb(&values[SIG_ARGS], celeriac_empty_array);
	canvas->options = celeriac_call_options(part_jsonb(&values[SIG_OPTIONS],
													   celeriac_empty_object));
	canvas->depth = depth;
	if (values[SIG_IMMUTABLE].type == jbvBool)
		canvas->immutable = values[SIG_IMMUTABLE].val.boolean;
	if (canvas->kind == CANVAS_TASK)
		canvas->kwargs = part_jsonb(&values[SIG_KWARGS], celeriac_empty_object);
	else if (values[SIG_KWARGS].type == jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("a signature of %s must have the key \"kwargs\"", canvas->name)));
	else
		parse_kwargs[canvas->kind] (canvas, values[SIG_KWARGS].val.binary.data, depth);
	return canvas;
}

Canvas *
celeriac_canvas_read(Jsonb *document)
{
	celeriac_require_object(document, "signature");
	return parse(&document->root, 1);
}
