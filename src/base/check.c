/*
 * check.c
 *		Checking what callers pass; building the options of a message.
 */
#include "base/check.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/errors.h"

/* about three thousand years */
#define MAX_SECONDS 1e11

static void
invalid(const char *argument, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("%s must be %s", argument, what)));
}

void
celeriac_require_array(Jsonb *value, const char *argument)
{
	if (!JB_ROOT_IS_ARRAY(value) || JB_ROOT_IS_SCALAR(value))
		invalid(argument, "a JSON array");
}

void
celeriac_require_object(Jsonb *value, const char *argument)
{
	if (!JB_ROOT_IS_OBJECT(value))
		invalid(argument, "a JSON object");
}

static void
require_name(const char *name, const char *argument, int limit)
{
	if (*name == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("%s must not be empty", argument)));
	if (strlen(name) >= limit)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("%s is too long", argument),
				 errdetail("A name has at most %d bytes.", limit - 1)));
	for (const char *c = name; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || *c == 0x7f)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("%s must not contain control characters", argument)));
	}
}

void
celeriac_require_task_name(const char *name)
{
	require_name(name, "name", CELERIAC_NAME_LEN);
}

void
celeriac_require_queue_name(const char *name)
{
	require_name(name, "queue", CELERIAC_QUEUE_LEN);
}

void
celeriac_require_worker_name(const char *name)
{
	require_name(name, "worker", CELERIAC_NAME_LEN);
}

void
celeriac_require_state_name(const char *name)
{
	require_name(name, "state", CELERIAC_NAME_LEN);
}

void
celeriac_require_priority(int priority)
{
	if (priority < 0 || priority > CELERIAC_MAX_PRIORITY)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("priority must be between 0 and %d", CELERIAC_MAX_PRIORITY),
				 errdetail("%d was given; the highest runs first.", priority)));
}

void
celeriac_require_finite(TimestampTz when, const char *argument)
{
	if (TIMESTAMP_NOT_FINITE(when))
		invalid(argument, "finite");
}

void
celeriac_require_not_null(FunctionCallInfo fcinfo, int number,
						  const char *argument)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("%s must not be null", argument)));
}

/* As extract(epoch): a month is 30 days. */
double
celeriac_interval_seconds(Interval *interval)
{
	return (interval->month * (double) DAYS_PER_MONTH + interval->day) * SECS_PER_DAY +
		interval->time / (double) USECS_PER_SEC;
}

/* No overflow, whatever was asked for; NaN is no date either. */
TimestampTz
celeriac_time_after(double seconds)
{
	if (!(seconds < MAX_SECONDS))
		return NEVER;
	return GetCurrentTimestamp() + (TimestampTz) (seconds * USECS_PER_SEC);
}

TimestampTz
celeriac_time_after_ms(int ms)
{
	return TimestampTzPlusMilliseconds(GetCurrentTimestamp(), ms);
}

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

Datum
celeriac_uuid_array(Datum *ids, int count)
{
	return PointerGetDatum(construct_array(ids, count, UUIDOID, UUID_LEN, false,
										   TYPALIGN_CHAR));
}

char **
celeriac_text_array(ArrayType *array, const char *argument, int *count)
{
	Datum	   *items;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	texts = palloc((*count + 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			invalid(argument, "an array without nulls");
		texts[i] = TextDatumGetCString(items[i]);
	}
	texts[*count] = NULL;
	return texts;
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
			invalid(key, "an array without nulls");
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
