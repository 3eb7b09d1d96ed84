/*
 * signature.c
 *		The type task_signature and what makes one: task_s, task_si.
 *
 * It is stored as jsonb is; its input functions are those of jsonb with a
 * check of the shape.
 */
#include "signature.h"

#include <limits.h>

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "argument.h"
#include "errors.h"

PG_FUNCTION_INFO_V1(task_signature_in);
PG_FUNCTION_INFO_V1(task_signature_out);
PG_FUNCTION_INFO_V1(task_signature_recv);
PG_FUNCTION_INFO_V1(task_signature_send);
PG_FUNCTION_INFO_V1(celeriac_signature_check);
PG_FUNCTION_INFO_V1(task_s);
PG_FUNCTION_INFO_V1(task_si);

typedef enum PartKind
{
	PART_NAME,
	PART_ARRAY,
	PART_OBJECT,
	PART_BOOL,
	PART_TEXT_OR_NULL,
	PART_ANY
} PartKind;

typedef struct Part
{
	const char *key;
	PartKind	kind;
	const char *what;
} Part;

static const Part parts[] = {
	{"task", PART_NAME, "a task's name"},
	{"args", PART_ARRAY, "a JSON array"},
	{"kwargs", PART_OBJECT, "a JSON object"},
	{"options", PART_OBJECT, "a JSON object"},
	{"subtask_type", PART_TEXT_OR_NULL, "a string or null"},
	{"immutable", PART_BOOL, "true or false"},
	{"chord_size", PART_ANY, "a number or null"},
};

static bool
part_fits(const JsonbValue *value, PartKind kind)
{
	switch (kind)
	{
		case PART_NAME:
			return value->type == jbvString && value->val.string.len > 0 &&
				value->val.string.len < CELERIAC_NAME_LEN;
		case PART_ARRAY:
			return value->type == jbvBinary &&
				JsonContainerIsArray(value->val.binary.data);
		case PART_OBJECT:
			return value->type == jbvBinary &&
				JsonContainerIsObject(value->val.binary.data);
		case PART_BOOL:
			return value->type == jbvBool;
		case PART_TEXT_OR_NULL:
			return value->type == jbvString || value->type == jbvNull;
		case PART_ANY:
			return true;
	}
	return false;
}

static void
require_part(const JsonbValue *key, const JsonbValue *value)
{
	for (int i = 0; i < lengthof(parts); i++)
	{
		if (strlen(parts[i].key) != key->val.string.len ||
			memcmp(parts[i].key, key->val.string.val, key->val.string.len) != 0)
			continue;
		if (!part_fits(value, parts[i].kind))
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("\"%s\" of a signature must be %s", parts[i].key, parts[i].what)));
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("a signature has no key \"%.*s\"", key->val.string.len, key->val.string.val),
			 errhint("The keys are task, args, kwargs, options, subtask_type and immutable.")));
}

/* Callbacks of a callback, as deep as they go: they are sent unseen later. */
static void
require_callbacks(Jsonb *options, const char *key)
{
	Jsonb	   *callbacks = celeriac_option_jsonb(options, key);
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (callbacks == NULL)
		return;
	check_stack_depth();
	celeriac_require_array(callbacks, key);
	it = JsonbIteratorInit(&callbacks->root);
	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token == WJB_ELEM)
			celeriac_signature_require(JsonbValueToJsonb(&value));
	}
}

static void
require_limit(Jsonb *options, const char *key)
{
	double		seconds;

	if (celeriac_option_number(options, key, &seconds) &&
		(seconds <= 0 || seconds > INT_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("%s must be greater than 0 and at most %d seconds", key, INT_MAX)));
}

/* Options that decide where and when it is sent; the rest are the message's. */
static void
require_options(Jsonb *document)
{
	Jsonb	   *options = celeriac_option_jsonb(document, "options");
	Jsonb	   *queue = options == NULL ? NULL : celeriac_option_jsonb(options, "queue");
	double		number;

	if (options == NULL)
		return;
	if (queue != NULL)
	{
		JsonbValue	value;

		if (!JB_ROOT_IS_SCALAR(queue) || !JsonbExtractScalar(&queue->root, &value) ||
			value.type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("\"queue\" of a signature's options must be a string")));
		celeriac_require_queue_name(pnstrdup(value.val.string.val, value.val.string.len));
	}
	if (celeriac_option_number(options, "priority", &number))
		celeriac_require_priority((int) Max(Min(number, 1000), -1));
	if (celeriac_option_number(options, "countdown", &number) && number < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown must not be negative")));
	if (celeriac_option_number(options, "max_retries", &number) &&
		(number < 0 || number > INT_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("max_retries must be between 0 and %d", INT_MAX)));
	require_limit(options, "soft_time_limit");
	require_limit(options, "time_limit");
	require_callbacks(options, "link");
	require_callbacks(options, "link_error");
}

void
celeriac_signature_require(Jsonb *document)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;
	bool		named = false;

	celeriac_require_object(document, "signature");
	it = JsonbIteratorInit(&document->root);
	(void) JsonbIteratorNext(&it, &key, true);
	while ((token = JsonbIteratorNext(&it, &key, true)) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		require_part(&key, &value);
		named |= key.val.string.len == 4 && memcmp(key.val.string.val, "task", 4) == 0;
	}
	if (!named)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("a signature needs the key \"task\"")));
	require_options(document);
}

Datum
task_signature_in(PG_FUNCTION_ARGS)
{
	Datum		document = DirectFunctionCall1(jsonb_in, PG_GETARG_DATUM(0));

	celeriac_signature_require(DatumGetJsonbP(document));
	return document;
}

Datum
task_signature_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(jsonb_out, PG_GETARG_DATUM(0));
}

Datum
task_signature_recv(PG_FUNCTION_ARGS)
{
	Datum		document = DirectFunctionCall1(jsonb_recv, PG_GETARG_DATUM(0));

	celeriac_signature_require(DatumGetJsonbP(document));
	return document;
}

Datum
task_signature_send(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(jsonb_send, PG_GETARG_DATUM(0));
}

Datum
celeriac_signature_check(PG_FUNCTION_ARGS)
{
	celeriac_signature_require(PG_GETARG_JSONB_P(0));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

static Jsonb *
make_signature(FunctionCallInfo fcinfo, bool immutable)
{
	OptionsBuilder parts_of = {0};
	Jsonb	   *args = PG_NARGS() > 1 ? celeriac_variadic_args(fcinfo, 1) :
		celeriac_empty_array();
	Jsonb	   *signature;

	celeriac_require_not_null(fcinfo, 0, "name");
	celeriac_options_text(&parts_of, "task", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	celeriac_options_jsonb(&parts_of, "args", args);
	celeriac_options_jsonb(&parts_of, "kwargs", celeriac_empty_object());
	celeriac_options_jsonb(&parts_of, "options", celeriac_empty_object());
	celeriac_options_null(&parts_of, "subtask_type");
	celeriac_options_bool(&parts_of, "immutable", immutable);
	signature = celeriac_options_done(&parts_of);
	celeriac_signature_require(signature);
	return signature;
}

Datum
task_s(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(make_signature(fcinfo, false));
}

Datum
task_si(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(make_signature(fcinfo, true));
}
