/*
 * print.c
 *		Signatures as jsonb, in the form that Celery gives them.
 */
#include "signature/print.h"

#include "miscadmin.h"
#include "utils/numeric.h"

#include "base/json.h"
#include "signature/tree.h"

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
		push_text(state, WJB_VALUE, celeriac_canvas_kinds[canvas->kind].subtask_type);
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
