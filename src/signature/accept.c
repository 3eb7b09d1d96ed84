/*
 * accept.c
 *		Signatures that may be sent: where documents come in.
 *
 * Callbacks are sent unseen later, so whatever is wrong with them has to show
 * when the signature that carries them is read.
 */
#include "signature/accept.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "base/json.h"
#include "signature/prepare.h"
#include "signature/read.h"
#include "signature/tree.h"

static void accept(Canvas *canvas);

static void
check_callbacks(const Canvas *canvas, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *list = getKeyJsonValueFromContainer(&canvas->options->root, key,
													strlen(key), &buffer);
	ListCell   *cell;

	if (list == NULL || !celeriac_is_array(list))
		return;
	foreach(cell, celeriac_canvas_read_list(list, key, canvas->depth + 1))
	{
		Canvas	   *callback = lfirst(cell);

		accept(callback);
		if (callback->kind != CANVAS_TASK)
			(void) celeriac_canvas_prepare(callback, NULL, NULL, NULL);
	}
}

/* As Celery: the tasks of a chain are the header too, not the chain. */
static void
accept_chord(Canvas *chord)
{
	accept(chord->header);
	if (chord->header->kind == CANVAS_CHAIN)
		chord->header = celeriac_canvas_group(celeriac_canvas_unchain(chord->header));
	accept(chord->body);
}

static void
accept(Canvas *canvas)
{
	ListCell   *cell;

	check_stack_depth();
	check_callbacks(canvas, "link");
	check_callbacks(canvas, "link_error");
	foreach(cell, canvas->children)
		accept(lfirst(cell));
	if (canvas->kind == CANVAS_CHORD)
		accept_chord(canvas);
	if (canvas->mapped != NULL)
		accept(canvas->mapped);
}

Canvas *
celeriac_canvas_parse(Jsonb *document)
{
	Canvas	   *canvas = celeriac_canvas_read(document);

	accept(canvas);
	return canvas;
}

void
celeriac_callbacks_require(ArrayType *signatures)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;

	deconstruct_array(signatures, ARR_ELEMTYPE(signatures), -1, false, TYPALIGN_INT,
					  &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			(void) celeriac_canvas_prepare(celeriac_canvas_parse(DatumGetJsonbP(items[i])),
										   NULL, NULL, NULL);
	}
}
