/*
 * read.c
 *		Signatures as trees: from jsonb, to jsonb.
 *
 * A signature is read in one pass over its keys, and so are the lists in it:
 * a group of many thousands costs as much as its members do.
 */
#include "signature/tree.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "base/check.h"
#include "signature/calloption.h"
#include "base/errors.h"
#include "signature/prepare.h"
#include "signature/prepare.h"

typedef struct KindInfo
{
	const char *task;			/* NULL = any other name */
	const char *subtask_type;
	bool		immutable;		/* made so */
} KindInfo;

/* by CanvasKind; the names are Celery's, whose signatures are read */
static const KindInfo kinds[] = {
	[CANVAS_TASK] = {NULL, NULL, false},
	[CANVAS_CHAIN] = {"celery.chain", "chain", false},
	[CANVAS_GROUP] = {"celery.group", "group", false},
	[CANVAS_CHORD] = {"celery.chord", "chord", false},
	[CANVAS_MAP] = {"celery.map", "xmap", true},
	[CANVAS_STARMAP] = {"celery.starmap", "xstarmap", true},
	[CANVAS_CHUNKS] = {"celery.chunks", "chunks", true}
};

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
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static bool
is_text(const JsonbValue *value, const char *text)
{
	return value->type == jbvString && strlen(text) == value->val.string.len &&
		memcmp(text, value->val.string.val, value->val.string.len) == 0;
}

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
			return is_array(value);
		case PART_OBJECT:
			return is_object(value);
		case PART_LIST_OR_SIGNATURE:
			return is_array(value) || is_object(value);
		case PART_TASK:
			return value->type == jbvString || is_object(value);
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
		if (is_text(key, shape->parts[i].key))
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

static CanvasKind
kind_of(const JsonbValue *task, const JsonbValue *subtask_type)
{
	for (int i = CANVAS_CHAIN; i < lengthof(kinds); i++)
	{
		bool		named = is_text(task, kinds[i].task);
		bool		typed = is_text(subtask_type, kinds[i].subtask_type);

		if (named && (typed || subtask_type->type == jbvNull))
			return i;
		if (named || typed)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("\"task\" and \"subtask_type\" of a signature do not agree"),
					 errdetail("\"%s\" goes with \"%s\".", kinds[i].task,
							   kinds[i].subtask_type)));
	}
	if (subtask_type->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("there is no subtask_type \"%.*s\"", subtask_type->val.string.len,
						subtask_type->val.string.val)));
	return CANVAS_TASK;
}

static Jsonb *
part_jsonb(JsonbValue *value, Jsonb *(*otherwise) (void))
{
	return value->type == jbvNull ? otherwise() : JsonbValueToJsonb(value);
}

/*
 * Lists of signatures
 */
static List *
parse_list(const JsonbValue *list, const char *what, int depth)
{
	JsonbIterator *it = JsonbIteratorInit(list->val.binary.data);
	JsonbValue	value;
	List	   *parsed = NIL;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_object(&value))
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("each element of %s must be a signature", what)));
		parsed = lappend(parsed, parse(value.val.binary.data, depth));
	}
	return parsed;
}

/* They are sent unseen later: whatever is wrong with them has to show now. */
static void
check_callbacks(Jsonb *options, const char *key, int depth)
{
	JsonbValue	buffer;
	JsonbValue *list = getKeyJsonValueFromContainer(&options->root, key, strlen(key),
													&buffer);

	ListCell   *cell;

	if (list == NULL || !is_array(list))
		return;
	foreach(cell, parse_list(list, key, depth))
	{
		Canvas	   *callback = lfirst(cell);

		if (callback->kind != CANVAS_TASK)
			(void) celeriac_canvas_prepare(callback, NULL, NULL, NULL);
	}
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
	canvas->children = parse_list(&values[LIST_TASKS],
								  canvas->kind == CANVAS_CHAIN ? "a chain" : "a group",
								  depth + 1);
}

/* As Celery: the tasks of a chain are the header too, not the chain. */
static Canvas *
parse_header(const JsonbValue *header, int depth)
{
	Canvas	   *parsed;

	if (is_array(header))
		return celeriac_canvas_group(parse_list(header, "a chord's header", depth));
	parsed = parse(header->val.binary.data, depth);
	if (parsed->kind == CANVAS_GROUP)
		return parsed;
	return celeriac_canvas_group(parsed->kind == CANVAS_CHAIN ?
								 celeriac_canvas_unchain(parsed) : list_make1(parsed));
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
new_canvas(CanvasKind kind, const char *name)
{
	Canvas	   *canvas = palloc0(sizeof(Canvas));

	canvas->kind = kind;
	canvas->name = pstrdup(name != NULL ? name : kinds[kind].task);
	canvas->args = celeriac_empty_array();
	canvas->kwargs = celeriac_empty_object();
	canvas->options = celeriac_empty_object();
	canvas->immutable = kinds[kind].immutable;
	return canvas;
}

static void
require_mappable(CanvasKind kind, const char *name)
{
	if (kind != CANVAS_TASK)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("what is mapped must be a task, not %s", name)));
}

static Canvas *
new_mapped(const char *name)
{
	JsonbValue	task = {.type = jbvString};
	JsonbValue	no_type = {.type = jbvNull};

	celeriac_require_task_name(name);
	task.val.string.val = unconstify(char *, name);
	task.val.string.len = strlen(name);
	require_mappable(kind_of(&task, &no_type), name);
	return new_canvas(CANVAS_TASK, name);
}

static Canvas *
parse_mapped(const JsonbValue *task, int depth)
{
	Canvas	   *mapped;

	if (task->type == jbvString)
		return new_mapped(pnstrdup(task->val.string.val, task->val.string.len));
	mapped = parse(task->val.binary.data, depth);
	require_mappable(mapped->kind, mapped->name);
	return mapped;
}

static double
number_of(const JsonbValue *number)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(number->val.numeric)));
}

static int
require_size(double size)
{
	if (!(size >= 1 && size <= PG_INT32_MAX && size == floor(size)))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("the size of chunks must be a whole number between 1 and %d",
						PG_INT32_MAX)));
	return (int) size;
}

static void
require_arrays(Jsonb *items)
{
	JsonbIterator *it = JsonbIteratorInit(&items->root);
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		if (!is_array(&value))
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("each item of a starmap or of chunks must be a JSON array of arguments")));
	}
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
		require_arrays(canvas->items);
	if (canvas->kind == CANVAS_CHUNKS)
		canvas->size = require_size(number_of(&values[MAP_SIZE]));
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
	canvas = new_canvas(kind_of(&values[SIG_TASK], &values[SIG_SUBTASK_TYPE]),
						pnstrdup(values[SIG_TASK].val.string.val,
								 values[SIG_TASK].val.string.len));
	celeriac_require_task_name(canvas->name);
	canvas->args = part_jsonb(&values[SIG_ARGS], celeriac_empty_array);
	canvas->options = celeriac_call_options(part_jsonb(&values[SIG_OPTIONS],
													   celeriac_empty_object));
	check_callbacks(canvas->options, "link", depth + 1);
	check_callbacks(canvas->options, "link_error", depth + 1);
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
celeriac_canvas_parse(Jsonb *document)
{
	celeriac_require_object(document, "signature");
	return parse(&document->root, 1);
}

/*
 * New ones
 */
Canvas *
celeriac_canvas_chain(List *tasks)
{
	Canvas	   *chain = new_canvas(CANVAS_CHAIN, NULL);

	chain->children = tasks;
	return chain;
}

Canvas *
celeriac_canvas_group(List *tasks)
{
	Canvas	   *group = new_canvas(CANVAS_GROUP, NULL);

	group->children = tasks;
	return group;
}

Canvas *
celeriac_canvas_chord(Canvas *header, Canvas *body)
{
	Canvas	   *chord = new_canvas(CANVAS_CHORD, NULL);

	chord->header = header;
	chord->body = body;
	return chord;
}

Canvas *
celeriac_canvas_map(CanvasKind kind, const char *name, Jsonb *items, int size)
{
	Canvas	   *map = new_canvas(kind, NULL);

	celeriac_require_array(items, "items");
	map->mapped = new_mapped(name);
	map->items = items;
	map->size = size;
	if (kind != CANVAS_MAP)
		require_arrays(items);
	if (kind == CANVAS_CHUNKS)
		(void) require_size(size);
	return map;
}

/*
 * To jsonb: pushed into one state, so that nothing is copied once per level
 */
static JsonbValue *push_canvas(JsonbParseState **state, const Canvas *canvas);

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

static void
push_key(JsonbParseState **state, const char *key)
{
	push_text(state, WJB_KEY, key);
}

static void
push_document(JsonbParseState **state, const char *key, Jsonb *document)
{
	push_key(state, key);
	celeriac_push_document(state, WJB_VALUE, document);
}

static void
push_list(JsonbParseState **state, const char *key, const List *list)
{
	ListCell   *cell;

	push_key(state, key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	foreach(cell, list)
		push_canvas(state, lfirst(cell));
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* A list says the same as a group of it, and is what Celery writes. */
static bool
is_plain_group(const Canvas *group)
{
	return JB_ROOT_COUNT(group->args) == 0 && JB_ROOT_COUNT(group->options) == 0 &&
		!group->immutable;
}

static void
push_chord(JsonbParseState **state, const Canvas *chord)
{
	if (is_plain_group(chord->header))
		push_list(state, "header", chord->header->children);
	else
	{
		push_key(state, "header");
		push_canvas(state, chord->header);
	}
	push_key(state, "body");
	push_canvas(state, chord->body);
	push_document(state, "kwargs", chord->kwargs);
}

static void
push_map(JsonbParseState **state, const Canvas *map)
{
	JsonbValue	size = {.type = jbvNumeric};

	push_key(state, "task");
	push_canvas(state, map->mapped);
	push_document(state, "it", map->items);
	if (map->kind != CANVAS_CHUNKS)
		return;
	push_key(state, "n");
	size.val.numeric = int64_to_numeric(map->size);
	pushJsonbValue(state, WJB_VALUE, &size);
}

static void
push_kwargs(JsonbParseState **state, const Canvas *canvas)
{
	if (canvas->kind == CANVAS_TASK)
	{
		push_document(state, "kwargs", canvas->kwargs);
		return;
	}
	push_key(state, "kwargs");
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (canvas->kind == CANVAS_CHAIN || canvas->kind == CANVAS_GROUP)
		push_list(state, "tasks", canvas->children);
	else if (canvas->kind == CANVAS_CHORD)
		push_chord(state, canvas);
	else
		push_map(state, canvas);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* Objects begin alike as values and elements: the state knows where it is. */
static JsonbValue *
push_canvas(JsonbParseState **state, const Canvas *canvas)
{
	JsonbValue	null = {.type = jbvNull};
	JsonbValue	immutable = {.type = jbvBool};

	check_stack_depth();
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_key(state, "task");
	push_text(state, WJB_VALUE, canvas->name);
	push_document(state, "args", canvas->args);
	push_kwargs(state, canvas);
	push_document(state, "options", canvas->options);
	push_key(state, "subtask_type");
	if (canvas->kind == CANVAS_TASK)
		pushJsonbValue(state, WJB_VALUE, &null);
	else
		push_text(state, WJB_VALUE, kinds[canvas->kind].subtask_type);
	push_key(state, "immutable");
	immutable.val.boolean = canvas->immutable;
	pushJsonbValue(state, WJB_VALUE, &immutable);
	return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

Jsonb *
celeriac_canvas_jsonb(const Canvas *canvas)
{
	JsonbParseState *state = NULL;

	return JsonbValueToJsonb(push_canvas(&state, canvas));
}
