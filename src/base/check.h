/*
 * check.h
 *		Checking what callers pass; building the options of a message.
 */
#ifndef CELERIAC_ARGUMENT_H
#define CELERIAC_ARGUMENT_H

#include "base/names.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* each raises celeriac_invalid_argument, naming the argument */
extern void celeriac_require_array(Jsonb *value, const char *argument);
extern void celeriac_require_object(Jsonb *value, const char *argument);
extern void celeriac_require_task_name(const char *name);
extern void celeriac_require_queue_name(const char *name);
extern void celeriac_require_worker_name(const char *name);
extern void celeriac_require_state_name(const char *name);
extern void celeriac_require_priority(int priority);
/* the views subtract it from other times */
extern void celeriac_require_finite(TimestampTz when, const char *argument);
extern void celeriac_require_not_null(FunctionCallInfo fcinfo, int number,
									  const char *argument);

extern double celeriac_interval_seconds(Interval *interval);
/* so many seconds from now; NEVER when that is beyond any sensible date */
extern TimestampTz celeriac_time_after(double seconds);
extern TimestampTz celeriac_time_after_ms(int ms);
extern Jsonb *celeriac_empty_array(void);
extern Jsonb *celeriac_empty_object(void);
extern Jsonb *celeriac_json_null(void);
/* a whole document as a value or an element of another */
extern void celeriac_push_document(JsonbParseState **state, JsonbIteratorToken token,
								   Jsonb *document);

/* VARIADIC "any" from parameter first on, as a JSON array (send.c) */
extern Jsonb *celeriac_variadic_args(FunctionCallInfo fcinfo, int first);

/* uuid[] from uuid datums */
extern Datum celeriac_uuid_array(Datum *ids, int count);

/* text[] as C strings; NULL elements raise */
extern char **celeriac_text_array(ArrayType *array, const char *argument,
								  int *count);

typedef struct OptionsBuilder
{
	JsonbParseState *state;
	bool		any;
} OptionsBuilder;

extern void celeriac_options_number(OptionsBuilder *options, const char *key,
									double value);
extern void celeriac_options_bool(OptionsBuilder *options, const char *key,
								  bool value);
extern void celeriac_options_null(OptionsBuilder *options, const char *key);
extern void celeriac_options_text(OptionsBuilder *options, const char *key,
								  const char *value);
extern void celeriac_options_jsonb(OptionsBuilder *options, const char *key,
								   Jsonb *value);
/* an array whose elements are stored as jsonb */
extern void celeriac_options_array(OptionsBuilder *options, const char *key,
								   ArrayType *array);
/* NULL when nothing was set */
extern Jsonb *celeriac_options_done(OptionsBuilder *options);

/* reading options: false when the key is missing or of another kind */
extern bool celeriac_option_number(Jsonb *options, const char *key, double *value);
extern bool celeriac_option_bool(Jsonb *options, const char *key, bool *value);
extern Jsonb *celeriac_option_jsonb(Jsonb *options, const char *key);
extern char *celeriac_option_text(Jsonb *options, const char *key);

#endif							/* CELERIAC_ARGUMENT_H */
