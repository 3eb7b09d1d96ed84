/*
 * sdktask.h
 *		A running task, as the functions of the SDK see it.
 */
#ifndef CELERIAC_WORKER_SDK_SDKTASK_H
#define CELERIAC_WORKER_SDK_SDKTASK_H

#include <jansson.h>
#include <stdarg.h>

#include "sdk/host.h"

/* What task_alloc() hands out, and header texts: freed together. */
typedef union SdkChunk
{
	union SdkChunk *next;
	long double align;			/* with the pointer, what any object needs */
} SdkChunk;

typedef struct SdkTask
{
	task		base;			/* must be first: what the module sees */
	const SdkHost *host;
	const SdkInput *input;
	SdkOutcome *outcome;
	json_t	   *root;			/* [args, kwargs], what was unpacked of them */
	json_t	   *options;		/* parsed on first use */
	json_t	   *sent;			/* as in SdkOutcome; NULL = nothing yet */
	SdkChunk   *chunks;
} SdkTask;

static inline SdkTask *
sdk_task(task *t)
{
	return (SdkTask *) t;
}

/* A malloc'd printf; NULL without memory. */
extern char *sdk_vformat(const char *format, va_list ap);
extern char *sdk_format(const char *format,...) TASK_PRINTF(1, 2);

/* NULL stays NULL */
extern char *sdk_copy(const char *text);
extern char *sdk_dump(const json_t *value);

/* Is it JSON that can be a result?  If not, error says why. */
extern bool sdk_is_json(const char *text, size_t length, json_error_t *error);

/* Record an error, in place of whatever was recorded before; takes message. */
extern task_status sdk_set_error(SdkTask *self, task_status status, const char *type, char *message);

/* Memory that lasts as long as the task. */
extern void *sdk_alloc(task *t, size_t size);
extern void sdk_cleanup(SdkTask *self);

#endif							/* CELERIAC_WORKER_SDK_SDKTASK_H */
