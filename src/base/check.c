/*
 * check.c
 *		Checking what callers pass.
 */
#include "base/check.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/errors.h"

/* about three thousand years */
#define MAX_SECONDS 1e11
PG_FUNCTION_INFO_V1(celeriac_queue_name);
PG_FUNCTION_INFO_V1(celeriac_task_name);

void
celeriac_invalid(const char *argument, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("%s must be %s", argument, what)));
}

void
celeriac_require_array(Jsonb *value, const char *argument)
{
	if (!JB_ROOT_IS_ARRAY(value) || JB_ROOT_IS_SCALAR(value))
		celeriac_invalid(argument, "a JSON array");
}

void
celeriac_require_object(Jsonb *value, const char *argument)
{
	if (!JB_ROOT_IS_OBJECT(value))
		celeriac_invalid(argument, "a JSON object");
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
		celeriac_invalid(argument, "finite");
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
			celeriac_invalid(argument, "an array without nulls");
		texts[i] = TextDatumGetCString(items[i]);
	}
	texts[*count] = NULL;
	return texts;
}

/* What SQL functions are given as a name, checked as everywhere. */
Datum
celeriac_queue_name(PG_FUNCTION_ARGS)
{
	celeriac_require_not_null(fcinfo, 0, "queue");
	celeriac_require_queue_name(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

Datum
celeriac_task_name(PG_FUNCTION_ARGS)
{
	celeriac_require_not_null(fcinfo, 0, "name");
	celeriac_require_task_name(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
