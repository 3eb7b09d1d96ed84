/*
 * calloption.c
 *		The options of a signature: what they may be, how they are merged.
 *
 * Options that are not known here go with the task as they are.
 */
#include "signature/calloption.h"

#include <limits.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/errors.h"
#include "base/json.h"

typedef struct CallOption
{
	const char *key;
	void		(*require) (const char *key, const JsonbValue *value);
} CallOption;

#define INVALID_OPTION	"\"%s\" of a signature's options must be %s"

static void
refuse(const char *key, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg(INVALID_OPTION, key, what)));
}

static char *
text_of(const char *key, const JsonbValue *value)
{
	if (value->type != jbvString)
		refuse(key, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* a number too large is infinite */
static double
number_of(const char *key, const JsonbValue *value)
{
	if (value->type != jbvNumeric)
		refuse(key, "a number");
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(value->val.numeric)));
}

/* A text that an input function reads, for the words of its error. */
typedef struct OptionText
{
	const char *key;
	const char *what;
} OptionText;

/*
 * Called while an error is raised: what the input function says of the text
 * becomes what we say of the option, and a hint of it stays.  Other errors, of
 * memory or a cancel, are not about the text.
 */
static void
name_option(void *arg)
{
	const OptionText *text = arg;

	if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION)
		return;
	errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT);
	errmsg(INVALID_OPTION, text->key, text->what);
}

/* As the type's input function; nothing is caught, so there is nothing to clean up. */
static Datum
read_text(const char *key, const JsonbValue *value, PGFunction input, const char *what)
{
	OptionText	text = {key, what};
	char	   *string = text_of(key, value);
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = name_option,
		.arg = &text
	};
	Datum		result;

	error_context_stack = &context;
	result = DirectFunctionCall3(input, CStringGetDatum(string),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	error_context_stack = context.previous;
	return result;
}

/*
 * What each may be
 */
static void
require_text(const char *key, const JsonbValue *value)
{
	(void) text_of(key, value);
}

static void
require_queue(const char *key, const JsonbValue *value)
{
	celeriac_require_queue_name(text_of(key, value));
}

static void
require_id(const char *key, const JsonbValue *value)
{
	(void) read_text(key, value, uuid_in, "a UUID");
}

static void
require_flag(const char *key, const JsonbValue *value)
{
	if (value->type != jbvBool)
		refuse(key, "true or false");
}

static void
require_map(const char *key, const JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		refuse(key, "a JSON object");
}

static void
require_names(const char *key, const JsonbValue *value)
{
	JsonbIterator *it;
	JsonbValue	name;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		refuse(key, "an array of strings");
	it = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&it, &name, true);
	while (JsonbIteratorNext(&it, &name, true) == WJB_ELEM)
	{
		if (name.type != jbvString)
			refuse(key, "an array of strings");
	}
}

static void
require_callbacks(const char *key, const JsonbValue *value)
{
	if (value->type != jbvBinary)
		refuse(key, "a signature or an array of signatures");
}

static void
require_priority(const char *key, const JsonbValue *value)
{
	double		priority = number_of(key, value);

	celeriac_require_priority((int) Max(Min(priority, 1000), -1));
}

static void
require_countdown(const char *key, const JsonbValue *value)
{
	if (!(number_of(key, value) >= 0))
		refuse(key, "0 or more seconds");
}

static void
require_retries(const char *key, const JsonbValue *value)
{
	double		retries = number_of(key, value);

	if (!(retries >= 0 && retries <= INT_MAX))
		refuse(key, psprintf("between 0 and %d", INT_MAX));
}

static void
require_limit(const char *key, const JsonbValue *value)
{
	double		seconds = number_of(key, value);

	if (!(seconds > 0 && seconds <= INT_MAX))
		refuse(key, psprintf("greater than 0 and at most %d seconds", INT_MAX));
}

static void
require_time(const char *key, const JsonbValue *value)
{
	Datum		when = read_text(key, value, timestamptz_in, "a time");

	celeriac_require_finite(DatumGetTimestampTz(when), key);
}

static void
require_time_or_seconds(const char *key, const JsonbValue *value)
{
	if (value->type == jbvNumeric)
		(void) number_of(key, value);
	else
		require_time(key, value);
}

static const CallOption call_options[] = {
	{"queue", require_queue},
	{"priority", require_priority},
	{"countdown", require_countdown},
	{"eta", require_time},
	{"expires", require_time_or_seconds},
	{"max_retries", require_retries},
	{"soft_time_limit", require_limit},
	{"time_limit", require_limit},
	{"ignore_result", require_flag},
	{"acks_late", require_flag},
	{"link", require_callbacks},
	{"link_error", require_callbacks},
	{"headers", require_map},
	{"shadow", require_text},
	{"task_id", require_id},
	{"stamps", require_map},
	{"stamped_headers", require_names}
};

/*
 * What Celery writes into the options of a signature that it has sent or is
 * about to send, and what only the server may note in those of a message.
 */
static const char *const not_sent[] = {
	"task_id", "group_id", "group_index", "root_id", "parent_id", "chord", "chain",
	"reply_to", "correlation_id", "add_to_parent", "replaced_task_nesting",
	"info", "retry_reason", "lost", "revoked", "canvas"
};

static bool
is_key(const JsonbValue *key, const char *text)
{
	return strlen(text) == key->val.string.len &&
		memcmp(text, key->val.string.val, key->val.string.len) == 0;
}

static void
require_option(const JsonbValue *key, const JsonbValue *value)
{
	for (int i = 0; i < lengthof(call_options); i++)
	{
		if (is_key(key, call_options[i].key) && value->type != jbvNull)
			call_options[i].require(call_options[i].key, value);
	}
}

static void
require_options(Jsonb *options)
{
	JsonbIterator *it = JsonbIteratorInit(&options->root);
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		require_option(&key, &value);
	}
}

/* Those pairs that are kept. */
static Jsonb *
filter(Jsonb *object, bool (*keep) (const JsonbValue *, const JsonbValue *))
{
	JsonbIterator *it = JsonbIteratorInit(&object->root);
	JsonbParseState *state = NULL;
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &key, true);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		if (!keep(&key, &value))
			continue;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static bool
is_given(const JsonbValue *key, const JsonbValue *value)
{
	return value->type != jbvNull;
}

static bool
is_sent(const JsonbValue *key, const JsonbValue *value)
{
	for (int i = 0; i < lengthof(not_sent); i++)
	{
		if (is_key(key, not_sent[i]))
			return false;
	}
	return value->type != jbvNull;
}

/*
 * One form
 */

/* One signature where a list of them may stand. */
static Jsonb *
make_list(Jsonb *options, const char *key)
{
	Jsonb	   *callbacks = celeriac_option_jsonb(options, key);

	if (callbacks == NULL || !JB_ROOT_IS_OBJECT(callbacks))
		return options;
	return celeriac_jsonb_with(options, key, celeriac_jsonb_list(callbacks));
}

/* Celery's stamps are options like others, whose names it lists. */
static Jsonb *
gather_stamps(Jsonb *options)
{
	Jsonb	   *names = celeriac_option_jsonb(options, "stamped_headers");
	Jsonb	   *stamps = celeriac_option_jsonb(options, "stamps");
	JsonbIterator *it;
	JsonbValue	name;

	if (names == NULL)
		return options;
	options = celeriac_jsonb_without(options, "stamped_headers");
	if (!JB_ROOT_IS_ARRAY(names) || JB_ROOT_IS_SCALAR(names))
		return options;
	if (stamps == NULL || !JB_ROOT_IS_OBJECT(stamps))
		stamps = celeriac_empty_object();
	it = JsonbIteratorInit(&names->root);
	(void) JsonbIteratorNext(&it, &name, true);
	while (JsonbIteratorNext(&it, &name, true) == WJB_ELEM)
	{
		char	   *key = pnstrdup(name.val.string.val, name.val.string.len);
		Jsonb	   *value = celeriac_option_jsonb(options, key);

		if (value != NULL && strcmp(key, "stamps") != 0)
		{
			stamps = celeriac_jsonb_with(stamps, key, value);
			options = celeriac_jsonb_without(options, key);
		}
	}
	return celeriac_jsonb_with(options, "stamps", stamps);
}

Jsonb *
celeriac_call_options(Jsonb *options)
{
	if (JB_ROOT_COUNT(options) == 0)
		return options;
	require_options(options);
	return gather_stamps(make_list(make_list(options, "link"), "link_error"));
}

/* All of given, but what would make a task forget its place or its stamps. */
static Jsonb *
merge(Jsonb *options, Jsonb *given)
{
	Jsonb	   *kept = celeriac_option_jsonb(options, "stamps");
	Jsonb	   *stamps = celeriac_option_jsonb(given, "stamps");
	Jsonb	   *merged;

	if (celeriac_option_jsonb(options, "group_id") != NULL)
		given = celeriac_jsonb_without(given, "group_id");
	merged = celeriac_jsonb_concat(options, given);
	if (kept == NULL || stamps == NULL || !JB_ROOT_IS_OBJECT(kept))
		return merged;
	if (JB_ROOT_IS_OBJECT(stamps))
		kept = celeriac_jsonb_concat(stamps, kept);
	return celeriac_jsonb_with(merged, "stamps", kept);
}

Jsonb *
celeriac_call_options_merge(Jsonb *options, Jsonb *given)
{
	return JB_ROOT_COUNT(given) == 0 ? options : merge(options, filter(given, is_given));
}

Jsonb *
celeriac_call_options_set(Jsonb *options, Jsonb *given)
{
	return JB_ROOT_COUNT(given) == 0 ? options : filter(merge(options, given), is_given);
}

Jsonb *
celeriac_call_options_clean(Jsonb *options)
{
	return JB_ROOT_COUNT(options) == 0 ? options : filter(options, is_sent);
}
