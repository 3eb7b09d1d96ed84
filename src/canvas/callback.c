/*
 * callback.c
 *		Links and errbacks: what is sent when a task has ended.
 *
 * They are sent in the transaction that ends the task, by the role that sent
 * it: there is no moment in which the one is done and the other forgotten.
 * Nobody is there to hear that one of them cannot be sent: it is logged.
 */
#include "canvas/callback.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/check.h"
#include "base/attempt.h"
#include "session/definition.h"
#include "canvas/graph.h"
#include "signature/prepare.h"
#include "base/uuid.h"

static Jsonb *
one_text(const char *text)
{
	OptionsBuilder wrapped = {0};

	celeriac_options_text(&wrapped, "x", text ? text : "");
	return celeriac_option_jsonb(celeriac_options_done(&wrapped), "x");
}

static Jsonb *
make_array(Jsonb **elements, int count)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
		celeriac_push_document(&state, WJB_ELEM, elements[i]);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

typedef struct Callback
{
	const Ended *ended;
	Jsonb	   *signature;
	Jsonb	  **first;			/* the arguments that come first */
	int			count;
} Callback;

static void
send_canvas(void *argument)
{
	const Callback *callback = argument;
	const Ended *ended = callback->ended;
	Family		family = {
		.root_id = ended->root_id ? ended->root_id : &ended->outcome->id,
		.parent_id = &ended->outcome->id,
		.sent_by = ended->sent_by,
		.unattended = true
	};
	Canvas	   *canvas = celeriac_canvas_prepare(celeriac_canvas_parse(callback->signature),
												 make_array(callback->first, callback->count),
												 NULL, NULL);
	pg_uuid_t	id;

	celeriac_graph_send(canvas, &family, &id);
}

/* What is wrong with a callback is no reason for the task not to end. */
static void
send_signature(const Ended *ended, Jsonb *signature, Jsonb **first, int count)
{
	Callback	callback = {ended, signature, first, count};
	ErrorData  *error = celeriac_attempt(send_canvas, &callback);

	if (error != NULL)
		ereport(LOG,
				(errmsg("could not send a callback of task %s: %s",
						celeriac_uuid_text(&ended->outcome->id), error->message)));
}

/*
 * An errback that takes three arguments wants to know why.  Its function may
 * have been dropped; then it ends as NotRegistered, and this task as it must.
 */
static int
errback_arguments(Jsonb *signature)
{
	const char *name = celeriac_option_text(signature, "task");
	Oid			function = name == NULL ? InvalidOid : celeriac_definition(name)->function;

	return SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function)) &&
		get_func_nargs(function) == 3 ? 3 : 1;
}

static void
send_errback(const Ended *ended, Jsonb *signature)
{
	const Outcome *o = ended->outcome;
	Jsonb	   *first[] = {
		one_text(celeriac_uuid_text(&o->id)),
		one_text(psprintf("%s: %s", o->exc_type ? o->exc_type : "Exception",
						  o->exc_message ? o->exc_message : "")),
		o->traceback ? one_text(o->traceback) : celeriac_json_null()
	};

	send_signature(ended, signature, first, errback_arguments(signature));
}

static void
send_link(const Ended *ended, Jsonb *signature)
{
	Jsonb	   *first = ended->outcome->result ? ended->outcome->result : celeriac_json_null();

	send_signature(ended, signature, &first, 1);
}

static void
send_each(const Ended *ended, Jsonb *signatures,
		  void (*send) (const Ended *, Jsonb *))
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (signatures == NULL)
		return;
	it = JsonbIteratorInit(&signatures->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			send(ended, JsonbValueToJsonb(&value));
	}
}

/* Celery's rule: a revoked task calls neither. */
void
celeriac_callbacks(const Ended *ended)
{
	if (strcmp(ended->outcome->state, "SUCCESS") == 0)
		send_each(ended, celeriac_option_jsonb(ended->options, "link"), send_link);
	else if (strcmp(ended->outcome->state, "FAILURE") == 0)
		send_each(ended, celeriac_option_jsonb(ended->options, "link_error"), send_errback);
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
