/*
 * callback.c
 *		Links and errbacks: what is sent when a task has ended.
 *
 * They are sent in the transaction that ends the task, by the role that sent
 * it: there is no moment in which the one is done and the other forgotten.
 * Nobody is there to hear that one of them cannot be sent: it is logged.
 */
#include "canvas/callback.h"

#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/attempt.h"
#include "base/delivery.h"
#include "base/json.h"
#include "base/uuid.h"
#include "canvas/graph.h"
#include "canvas/rootlock.h"
#include "canvas/step.h"
#include "sdk/states.h"
#include "session/definition.h"
#include "signature/accept.h"
#include "signature/prepare.h"
#include "signature/tree.h"

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
	List	   *complete;		/* groups that are, once it was sent */
} Callback;

static void
send_canvas(void *argument)
{
	Callback   *callback = argument;
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

	callback->complete = celeriac_graph_send(canvas, &family, &id);
}

/* What is wrong with a callback is no reason for the task not to end. */
static List *
send_signature(const Ended *ended, Jsonb *signature, Jsonb **first, int count)
{
	Callback	callback = {ended, signature, first, count, NIL};
	ErrorData  *error = celeriac_attempt(send_canvas, &callback);

	if (error != NULL)
		ereport(LOG,
				(errmsg("could not send a callback of task %s: %s",
						celeriac_uuid_text(&ended->outcome->id), error->message)));
	return callback.complete;
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

static List *
send_errback(const Ended *ended, Jsonb *signature)
{
	const Outcome *o = ended->outcome;
	Jsonb	   *first[] = {
		one_text(celeriac_uuid_text(&o->id)),
		one_text(psprintf("%s: %s", o->exc_type ? o->exc_type : "Exception",
						  o->exc_message ? o->exc_message : "")),
		o->traceback ? one_text(o->traceback) : celeriac_json_null()
	};

	return send_signature(ended, signature, first, errback_arguments(signature));
}

static List *
send_link(const Ended *ended, Jsonb *signature)
{
	Jsonb	   *first = ended->outcome->result ? ended->outcome->result : celeriac_json_null();

	return send_signature(ended, signature, &first, 1);
}

static List *
send_each(const Ended *ended, Jsonb *signatures,
		  List *(*send) (const Ended *, Jsonb *))
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;
	List	   *complete = NIL;

	if (signatures == NULL)
		return NIL;
	it = JsonbIteratorInit(&signatures->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			complete = list_concat(complete, send(ended, JsonbValueToJsonb(&value)));
	}
	return complete;
}

List *
celeriac_end_complete(List *groups)
{
	int			count = list_length(groups);
	Outcome   **outcomes;
	const pg_uuid_t **ids;
	List	   *steps = NIL;
	ListCell   *cell;

	if (groups == NIL)
		return NIL;
	outcomes = palloc_extended(count * sizeof(Outcome *), MCXT_ALLOC_HUGE);
	ids = palloc_extended(count * sizeof(pg_uuid_t *), MCXT_ALLOC_HUGE);
	foreach(cell, groups)
	{
		outcomes[foreach_current_index(cell)] = lfirst(cell);
		ids[foreach_current_index(cell)] = &outcomes[foreach_current_index(cell)]->id;
	}
	celeriac_rootlock_waiting(ids, count);
	foreach(cell, celeriac_end_steps(outcomes, count))
	{
		Step	   *step = celeriac_ended_step(lfirst(cell));

		steps = list_concat(steps, celeriac_callbacks(lfirst(cell)));
		if (step != NULL)
			steps = lappend(steps, step);
	}
	return steps;
}

/* Celery's rule: a revoked task calls neither. */
List *
celeriac_callbacks(const Ended *ended)
{
	List	   *complete = NIL;

	if (ended->outcome->state == OUTCOME_SUCCESS)
		complete = send_each(ended, celeriac_option_jsonb(ended->options, "link"), send_link);
	else if (ended->outcome->state == OUTCOME_FAILURE)
		complete = send_each(ended, celeriac_option_jsonb(ended->options, "link_error"),
							 send_errback);
	return celeriac_end_complete(complete);
}
