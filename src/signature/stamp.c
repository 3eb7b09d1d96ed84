/*
 * stamp.c
 *		Stamps: headers that every task of a canvas carries, by which they are
 *		found and revoked.
 *
 * They stand in the options of each signature, as the object "stamps", and so
 * in those of each message.  Nothing that is merged into the options later
 * overrides them (calloption.c).
 */
#include "base/names.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/check.h"
#include "base/json.h"
#include "signature/accept.h"
#include "signature/print.h"
#include "signature/tree.h"

PG_FUNCTION_INFO_V1(task_stamp);

typedef struct Stamping
{
	Jsonb	   *headers;
	bool		append;			/* values under one key become a list */
} Stamping;

static void stamp(Canvas *canvas, const Stamping *stamping);

/*
 * Two values under one key: the later counts, lists are joined
 */
static Jsonb *
as_list(Jsonb *value)
{
	JsonbParseState *state = NULL;
	JsonbValue	scalar;

	if (celeriac_jsonb_is_array(value))
		return value;
	if (!JB_ROOT_IS_SCALAR(value))
		return celeriac_jsonb_list(value);
	JsonbExtractScalar(&value->root, &scalar);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_ELEM, &scalar);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

static Jsonb *
merge_values(Jsonb *later, Jsonb *earlier, bool append)
{
	if (JB_ROOT_IS_OBJECT(later) && JB_ROOT_IS_OBJECT(earlier))
		return celeriac_jsonb_concat(earlier, later);
	if (append || (celeriac_jsonb_is_array(later) && celeriac_jsonb_is_array(earlier)))
		return celeriac_jsonb_concat(as_list(later), as_list(earlier));
	return later;
}

/* Those of the signature that are named again are merged one by one. */
static Jsonb *
merge_stamps(const Stamping *stamping, Jsonb *own)
{
	Jsonb	   *merged = celeriac_jsonb_concat(own, stamping->headers);
	JsonbIterator *it = JsonbIteratorInit(&own->root);
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(key.val.string.val, key.val.string.len);
		Jsonb	   *later = celeriac_option_jsonb(stamping->headers, name);

		(void) JsonbIteratorNext(&it, &value, true);
		if (later != NULL)
			merged = celeriac_jsonb_with(merged, name,
										 merge_values(later, JsonbValueToJsonb(&value),
													  stamping->append));
	}
	return merged;
}

static void
stamp_task(Canvas *task, const Stamping *stamping)
{
	Jsonb	   *own = celeriac_option_jsonb(task->options, "stamps");

	task->options = celeriac_jsonb_with(task->options, "stamps",
										own == NULL || !JB_ROOT_IS_OBJECT(own) ?
										stamping->headers : merge_stamps(stamping, own));
}

/*
 * The tree
 */
static void
stamp_callbacks(Canvas *canvas, const char *key, const Stamping *stamping)
{
	Jsonb	   *callbacks = celeriac_option_jsonb(canvas->options, key);
	JsonbParseState *state = NULL;
	JsonbIterator *it;
	JsonbValue	value = {.type = jbvBinary};

	if (callbacks == NULL || !celeriac_jsonb_is_array(callbacks))
		return;
	it = JsonbIteratorInit(&callbacks->root);
	(void) JsonbIteratorNext(&it, &value, true);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		Canvas	   *callback = celeriac_canvas_parse(JsonbValueToJsonb(&value));
		Jsonb	   *stamped;

		stamp(callback, stamping);
		stamped = celeriac_canvas_jsonb(callback);
		value.type = jbvBinary;
		value.val.binary.data = &stamped->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(stamped);
		pushJsonbValue(&state, WJB_ELEM, &value);
	}
	canvas->options = celeriac_jsonb_with(canvas->options, key,
										  JsonbValueToJsonb(pushJsonbValue(&state,
																		   WJB_END_ARRAY,
																		   NULL)));
}

static void
stamp(Canvas *canvas, const Stamping *stamping)
{
	ListCell   *cell;

	check_stack_depth();
	stamp_callbacks(canvas, "link", stamping);
	stamp_callbacks(canvas, "link_error", stamping);
	foreach(cell, canvas->children)
		stamp(lfirst(cell), stamping);
	if (canvas->kind == CANVAS_CHORD)
	{
		stamp(canvas->header, stamping);
		stamp(canvas->body, stamping);
	}
	else if (canvas->kind != CANVAS_CHAIN && canvas->kind != CANVAS_GROUP)
		stamp_task(canvas, stamping);
}

/* task_stamp(sig, headers, append_stamps) */
Datum
task_stamp(PG_FUNCTION_ARGS)
{
	Stamping	stamping;
	Canvas	   *canvas;

	celeriac_require_not_null(fcinfo, 0, "sig");
	celeriac_require_not_null(fcinfo, 1, "headers");
	canvas = celeriac_canvas_parse(PG_GETARG_JSONB_P(0));
	stamping.headers = PG_GETARG_JSONB_P(1);
	stamping.append = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	celeriac_require_object(stamping.headers, "headers");
	if (JB_ROOT_COUNT(stamping.headers) > 0)
		stamp(canvas, &stamping);
	PG_RETURN_JSONB_P(celeriac_canvas_jsonb(canvas));
}
