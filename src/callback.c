/*
 * callback.c
 *		Links and errbacks: what is sent when a task has ended.
 *
 * They are sent in the transaction that ends the task, by the role that sent
 * it: there is no moment in which the one is done and the other forgotten.
 * Signatures were checked when they were given, so nothing here can fail that
 * would keep the task from ending.
 */
#include "callback.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "argument.h"
#include "definition.h"
#include "send.h"
#include "uuid.h"

/*
 * Options of a signature that do not travel with the message: those that say
 * where and when, and what only the server may note there.
 */
static const char *const left_out[] = {
	"queue", "priority", "countdown", "task_id", "max_retries",
	"info", "retry_reason", "lost", "revoked"
};

static Jsonb *
one_text(const char *text)
{
	OptionsBuilder wrapped = {0};

	celeriac_options_text(&wrapped, "x", text ? text : "");
	return celeriac_option_jsonb(celeriac_options_done(&wrapped), "x");
}

static Jsonb *
json_null(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("null")));
}

static void
push_element(JsonbParseState **state, Jsonb *document)
{
	JsonbValue	value;

	if (JB_ROOT_IS_SCALAR(document))
		JsonbExtractScalar(&document->root, &value);
	else
	{
		value.type = jbvBinary;
		value.val.binary.data = &document->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(document);
	}
	pushJsonbValue(state, WJB_ELEM, &value);
}

/* first..., then the signature's own arguments */
static Jsonb *
prepend_args(Jsonb **first, int count, Jsonb *args)
{
	JsonbParseState *state = NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
		push_element(&state, first[i]);
	if (args != NULL)
	{
		it = JsonbIteratorInit(&args->root);
		while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		{
			if (token == WJB_ELEM)
				pushJsonbValue(&state, WJB_ELEM, &value);
		}
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

/* What the definition says, unless the signature says otherwise. */
static Jsonb *
message_options(const Definition *def, Jsonb *options)
{
	OptionsBuilder defaults = {0};
	Datum		left;

	if (!def->acks_late)
		celeriac_options_bool(&defaults, "acks_late", false);
	if (def->ignore_result)
		celeriac_options_bool(&defaults, "ignore_result", true);
	if (options == NULL)
		return celeriac_options_done(&defaults);
	left = JsonbPGetDatum(options);
	for (int i = 0; i < lengthof(left_out); i++)
		left = DirectFunctionCall2(jsonb_delete, left, CStringGetTextDatum(left_out[i]));
	if (defaults.any)
		left = DirectFunctionCall2(jsonb_concat,
								   JsonbPGetDatum(celeriac_options_done(&defaults)), left);
	return JB_ROOT_COUNT(DatumGetJsonbP(left)) == 0 ? NULL : DatumGetJsonbP(left);
}

static void
send_signature(const Ended *ended, Jsonb *signature, Jsonb **first, int count)
{
	Jsonb	   *options = celeriac_option_jsonb(signature, "options");
	Jsonb	   *kwargs = celeriac_option_jsonb(signature, "kwargs");
	const char *name = celeriac_option_text(signature, "task");
	const Definition *def;
	double		priority;
	double		countdown = 0;
	double		max_retries;
	bool		immutable = false;
	pg_uuid_t	id;
	SendRequest request = {0};

	if (name == NULL)
		return;
	def = celeriac_definition(name);
	priority = def->priority;
	max_retries = def->max_retries;
	(void) celeriac_option_bool(signature, "immutable", &immutable);
	(void) celeriac_option_number(options, "priority", &priority);
	(void) celeriac_option_number(options, "countdown", &countdown);
	(void) celeriac_option_number(options, "max_retries", &max_retries);
	request.queue = celeriac_option_text(options, "queue");
	if (request.queue == NULL)
		request.queue = pstrdup(celeriac_definition_queue(def));
	request.name = name;
	request.args = prepend_args(first, immutable ? 0 : count,
								celeriac_option_jsonb(signature, "args"));
	request.kwargs = kwargs != NULL ? kwargs : celeriac_empty_object();
	request.priority = (int) priority;
	request.max_retries = (int) max_retries;
	if (countdown > 0)
		request.eta = celeriac_time_after(countdown);
	if (def->expires > 0)
		request.expires = celeriac_time_after(def->expires);
	request.options = message_options(def, options);
	request.parent_id = &ended->outcome->id;
	request.root_id = ended->root_id != NULL ? ended->root_id : &ended->outcome->id;
	request.sent_by = ended->sent_by;
	celeriac_send(&request, &id);
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
		o->traceback ? one_text(o->traceback) : json_null()
	};

	send_signature(ended, signature, first, errback_arguments(signature));
}

static void
send_link(const Ended *ended, Jsonb *signature)
{
	Jsonb	   *first = ended->outcome->result ? ended->outcome->result : json_null();

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
