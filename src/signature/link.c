/*
 * link.c
 *		Links and errbacks of any canvas: which tasks they come to hang on.
 *
 * A task and a chain keep them (a chain's go to its tasks when it is joined to
 * another or sent); a group has them kept by its members, a chord by its body.
 */
#include "signature/link.h"

#include "miscadmin.h"

#include "base/errors.h"
#include "base/guc.h"
#include "base/json.h"
#include "signature/print.h"
#include "signature/read.h"
#include "signature/tree.h"

static bool
contains(Jsonb *list, Jsonb *element)
{
	JsonbIterator *it = JsonbIteratorInit(&list->root);
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		if (value.type == jbvBinary &&
			compareJsonbContainers(value.val.binary.data, &element->root) == 0)
			return true;
	}
	return false;
}

/* What is there already is not called twice. */
static void
append_option(Canvas *canvas, const char *key, Jsonb *signature)
{
	Jsonb	   *list = celeriac_option_jsonb(canvas->options, key);
	Jsonb	   *wrapped;

	if (!celeriac_jsonb_is_array(list))
		list = celeriac_empty_array();
	if (contains(list, signature))
		return;
	wrapped = celeriac_jsonb_list(signature);
	canvas->options = celeriac_jsonb_with(canvas->options, key,
										  celeriac_jsonb_concat(list, wrapped));
}

static Jsonb *
immutable_copy(Jsonb *signature)
{
	Canvas	   *copy = celeriac_canvas_read(signature);

	celeriac_canvas_set_immutable(copy, true);
	return celeriac_canvas_jsonb(copy);
}

/*
 * A group has no result that a task could be given at its first member's end,
 * so the callback becomes immutable.
 */
static void
link_group(Canvas *group, Jsonb *callback)
{
	if (group->children == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("cannot link to an empty group"),
				 errhint("A group's callback hangs on its first task; a chord has one for the whole.")));
	celeriac_canvas_link(linitial(group->children), immutable_copy(callback));
}

void
celeriac_canvas_link(Canvas *canvas, Jsonb *callback)
{
	check_stack_depth();
	if (canvas->kind == CANVAS_GROUP)
		link_group(canvas, callback);
	else if (canvas->kind == CANVAS_CHORD)
		celeriac_canvas_link(canvas->body, callback);
	else
		append_option(canvas, "link", callback);
}

static void
link_error_chord(Canvas *chord, Jsonb *errback)
{
	Jsonb	   *for_header = celeriac_allow_error_cb_on_chord_header ?
		immutable_copy(errback) : NULL;
	ListCell   *cell;

	foreach(cell, chord->header->children)
	{
		Canvas	   *member = lfirst(cell);

		if (for_header != NULL)
			celeriac_canvas_link_error(member, for_header);
		/* a chord in the header decides for itself */
		if (member->kind == CANVAS_CHORD)
			celeriac_canvas_link_error(member, errback);
	}
	celeriac_canvas_link_error(chord->body, errback);
}

void
celeriac_canvas_link_error(Canvas *canvas, Jsonb *errback)
{
	ListCell   *cell;

	check_stack_depth();
	if (canvas->kind == CANVAS_GROUP)
	{
		foreach(cell, canvas->children)
			celeriac_canvas_link_error(lfirst(cell), errback);
	}
	else if (canvas->kind == CANVAS_CHORD)
		link_error_chord(canvas, errback);
	else
		append_option(canvas, "link_error", errback);
}

static void
for_each(Canvas *canvas, Jsonb *signatures, void (*attach) (Canvas *, Jsonb *))
{
	JsonbIterator *it;
	JsonbValue	value;

	if (!celeriac_jsonb_is_array(signatures))
		return;
	it = JsonbIteratorInit(&signatures->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
		attach(canvas, JsonbValueToJsonb(&value));
}

void
celeriac_canvas_link_all(Canvas *canvas, Jsonb *callbacks)
{
	for_each(canvas, callbacks, celeriac_canvas_link);
}

void
celeriac_canvas_link_error_all(Canvas *canvas, Jsonb *errbacks)
{
	for_each(canvas, errbacks, celeriac_canvas_link_error);
}

void
celeriac_canvas_set_immutable(Canvas *canvas, bool immutable)
{
	const Canvas *whole = canvas->kind == CANVAS_CHORD ? canvas->header : canvas;
	ListCell   *cell;

	check_stack_depth();
	if (canvas->kind != CANVAS_GROUP && canvas->kind != CANVAS_CHORD)
	{
		canvas->immutable = immutable;
		return;
	}
	foreach(cell, whole->children)
		celeriac_canvas_set_immutable(lfirst(cell), immutable);
}

Jsonb *
celeriac_canvas_take_option(Canvas *canvas, const char *key)
{
	Jsonb	   *value = celeriac_option_jsonb(canvas->options, key);

	if (value != NULL)
		canvas->options = celeriac_jsonb_without(canvas->options, key);
	return value;
}
