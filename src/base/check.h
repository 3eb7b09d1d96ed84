/*
 * check.h
 *		Checking what callers pass.
 */
#ifndef CELERIAC_BASE_CHECK_H
#define CELERIAC_BASE_CHECK_H

#include "base/names.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* each raises celeriac_invalid_argument, naming the argument */
extern void celeriac_invalid(const char *argument, const char *what);
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

/* the end of a sentence that begins with what is named; NULL = none */
extern const char *celeriac_queue_name_fault(const char *name);

extern double celeriac_interval_seconds(Interval *interval);
/* so many seconds from now; NEVER when that is beyond any sensible date */
extern TimestampTz celeriac_time_after(double seconds);
extern TimestampTz celeriac_time_after_ms(int ms);

/* uuid[] from uuid datums */
extern Datum celeriac_uuid_array(Datum *ids, int count);

/* text[] as C strings; NULL elements raise */
extern char **celeriac_text_array(ArrayType *array, const char *argument,
								  int *count);

#endif							/* CELERIAC_BASE_CHECK_H */
