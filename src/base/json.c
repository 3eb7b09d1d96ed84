/*
 * json.c
 *		Small jsonb documents: built, read and changed.
 */
#include "base/json.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/check.h"

/* Constant: nobody changes a document in place. */
Jsonb *
celeriac_empty_array(void)
{
	static Jsonb empty = {.root = {.header = JB_FARRAY}};

	SET_VARSIZE(&empty, sizeof(Jsonb));
	return &empty;
}

Jsonb *
celeriac_empty_object(void)
{
	static Jsonb empty = {.root = {.header = JB_FOBJECT}};

	SET_VARSIZE(&empty, sizeof(Jsonb));
	return &empty;
}

Jsonb *
celeriac_json_null(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("null")));
}

/*
 * Options, written
 */
static void
push_key(OptionsBuilder *options, const char *key)
{
	JsonbValue	value = {.type = jbvString};

	if (!options->any)
		pushJsonbValue(&options->state, WJB_BEGIN_OBJECT, NULL);
	options->any = true;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	pushJsonbValue(&options->state, WJB_KEY, &value);
}

void
celeriac_options_number(OptionsBuilder *options, const char *key, double number)
{
	JsonbValue	value = {.type = jbvNumeric};

	push_key(options, key);
	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric,
															Float8GetDatum(number)));
	pushJsonbValue(&options->state, WJB_VALUE, &value);
}

void
celeriac_options_bool(OptionsBuilder *options, const char *key, bool flag)
{
	JsonbValue	value = {.type = jbvBool};

	push_key(options, key);
	value.val.boolean = flag;
	pushJsonbValue(&options->state, WJB_VALUE, &value);
}

void
celeriac_options_null(OptionsBuilder *options, const char *key)
{
	JsonbValue	value = {.type = jbvNull};

	push_key(options, key);
	pushJsonbValue(&options->state, WJB_VALUE, &value);
}

void
celeriac_options_text(OptionsBuilder *options, const char *key, const char *text)
{
	JsonbValue	value = {.type = jbvString};

	push_key(options, key);
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(&options->state, WJB_VALUE, &value);
}

/* Scalars travel inside a one-element array. */
void
celeriac_push_document(JsonbParseState **state, JsonbIteratorToken token, Jsonb *document)
{
	JsonbValue	value;

	if (JB_ROOT_IS_SCALAR(document))
	{
		JsonbExtractScalar(&document->root, &value);
		pushJsonbValue(state, token, &value);
		return;
	}
	value.type = jbvBinary;
	value.val.binary.data = &document->root;
	value.val.binary.len = VARSIZE_ANY_EXHDR(document);
	pushJsonbValue(state, token, &value);
}

void
celeriac_options_jsonb(OptionsBuilder *options, const char *key, Jsonb *document)
{
	push_key(options, key);
	celeriac_push_document(&options->state, WJB_VALUE, document);
}

void
celeriac_options_array(OptionsBuilder *options, const char *key,
					   ArrayType *array)
{
	Datum	   *items;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT,
					  &items, &nulls, &count);
	push_key(options, key);
	pushJsonbValue(&options->state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			celeriac_invalid(key, "an array without nulls");
		celeriac_push_document(&options->state, WJB_ELEM, DatumGetJsonbP(items[i]));
	}
	pushJsonbValue(&options->state, WJB_END_ARRAY, NULL);
}

Jsonb *
celeriac_options_done(OptionsBuilder *options)
{
	if (!options->any)
		return NULL;
	return JsonbValueToJsonb(pushJsonbValue(&options->state, WJB_END_OBJECT, NULL));
}

/*
 * Options, read
 */
static JsonbValue *
find_option(Jsonb *options, const char *key, JsonbValue *buffer)
{
	if (options == NULL || !JB_ROOT_IS_OBJECT(options))
		return NULL;
	return getKeyJsonValueFromContainer(&options->root, key, strlen(key), buffer);
}

/* Raises nothing: a number too large is infinite. */
bool
celeriac_option_number(Jsonb *options, const char *key, double *number)
{
	JsonbValue	buffer;
	JsonbValue *value = find_option(options, key, &buffer);

	if (value == NULL || value->type != jbvNumeric)
		return false;
	*number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												 NumericGetDatum(value->val.numeric)));
	return true;
}

bool
celeriac_option_bool(Jsonb *options, const char *key, bool *flag)
{
	JsonbValue	buffer;
	JsonbValue *value = find_option(options, key, &buffer);

	if (value == NULL || value->type != jbvBool)
		return false;
	*flag = value->val.boolean;
	return true;
}

Jsonb *
celeriac_option_jsonb(Jsonb *options, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = find_option(options, key, &buffer);

	return value == NULL ? NULL : JsonbValueToJsonb(value);
}

char *
celeriac_option_text(Jsonb *options, const char *key)
{
	JsonbValue	buffer;
	JsonbValue *value = find_option(options, key, &buffer);

	if (value == NULL || value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/*
 * Operations on objects and arrays
 */
Jsonb *
celeriac_jsonb_concat(Jsonb *left, Jsonb *right)
{
	if (JB_ROOT_COUNT(right) == 0)
		return left;
	if (JB_ROOT_COUNT(left) == 0)
		return right;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(left),
											  JsonbPGetDatum(right)));
}

Jsonb *
celeriac_jsonb_without(Jsonb *object, const char *key)
{
	if (JB_ROOT_COUNT(object) == 0)
		return object;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(object),
											  CStringGetTextDatum(key)));
}

Jsonb *
celeriac_jsonb_with(Jsonb *object, const char *key, Jsonb *value)
{
	OptionsBuilder pair = {0};

	celeriac_options_jsonb(&pair, key, value);
	return celeriac_jsonb_concat(object, celeriac_options_done(&pair));
}

Jsonb *
celeriac_jsonb_list(Jsonb *element)
{
	JsonbParseState *state = NULL;
	JsonbValue	value = {.type = jbvBinary};

	value.val.binary.data = &element->root;
	value.val.binary.len = VARSIZE_ANY_EXHDR(element);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	pushJsonbValue(&state, WJB_ELEM, &value);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

bool
celeriac_jsonb_is_array(const Jsonb *value)
{
	return value != NULL && JB_ROOT_IS_ARRAY(value) && !JB_ROOT_IS_SCALAR(value);
}

bool
celeriac_is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

bool
celeriac_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

bool
celeriac_is_text(const JsonbValue *value, const char *text)
{
	return value->type == jbvString && strlen(text) == value->val.string.len &&
		memcmp(text, value->val.string.val, value->val.string.len) == 0;
}
