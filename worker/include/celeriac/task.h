/*
 * task.h
 *		Writing Celeriac tasks in C or C++.
 *
 * A task module is a shared library that includes this header, defines some
 * functions and lists them once:
 *
 *		static task_status
 *		add(task *t)
 *		{
 *			int			x, y;
 *
 *			if (!task_unpack(t, "[ii]", NULL, &x, &y))
 *				return TASK_FAILURE;
 *			return task_return(t, "i", x + y);
 *		}
 *
 *		TASK_MODULE("demo", TASK("add", add, .max_retries = 5));
 *
 *		cc -shared -fPIC $(pkg-config --cflags celeriac) -o demo.so demo.c
 *
 * The task is then called "demo.add".  The module needs no library of ours:
 * everything below is an inline call through a table that comes with the task,
 * so the same file loads in `celeriac worker --module` and inside the server.
 *
 * Life cycle: one call of the function is one delivery of the task.  It runs
 * in a process that runs nothing else meanwhile, but that has run other tasks
 * before; what must not leak between tasks is yours to clean up.  The task
 * pointer and every string got from it are valid until the function returns.
 * Do not use it from another thread.
 *
 * Where a function takes "a jansson format", it is that of json_unpack() or
 * json_pack(): https://jansson.readthedocs.io/en/latest/apiref.html
 */
#ifndef CELERIAC_TASK_H
#define CELERIAC_TASK_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "celeriac/options.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a struct of this file does; a module of another ABI is refused. */
#define TASK_ABI_VERSION 3

/* One delivery of a task. */
typedef struct task task;

/* What a task function returns. */
typedef enum task_status
{
	TASK_SUCCESS,				/* done, with the result of task_return() */
	TASK_FAILURE,				/* failed, with the error recorded */
	TASK_RETRY,					/* run it again later; see task_retry() */
	TASK_REJECT,				/* refuse it; see task_reject() */
	TASK_IGNORE,				/* done, and there is nothing to say about it */
	TASK_REVOKED,				/* given up because task_revoked() said so */
	TASK_REPLACED				/* others take its place; see task_replace() */
} task_status;

typedef enum task_log_level
{
	TASK_LOG_DEBUG,
	TASK_LOG_INFO,
	TASK_LOG_WARNING,
	TASK_LOG_ERROR
} task_log_level;

typedef task_status (*task_function) (task *t);

/*
 * The value of every option that TASK() was not given.  It tells the server to
 * keep its own default, which a DBA may change at run time; 0 is a value like
 * any other (.max_retries = 0 means never to retry).
 */
#define TASK_UNSET INT_MIN

/* for .max_retries: retry for ever */
#define TASK_NO_LIMIT (-1)

/* What holds an option; NULL is an unset text. */
#define TASK_TYPE_text const char *
#define TASK_TYPE_texts const char *
#define TASK_TYPE_integer int
#define TASK_TYPE_boolean int
#define TASK_TYPE_float8 double
#define TASK_TYPE_interval double

#define TASK_UNSET_text NULL
#define TASK_UNSET_texts NULL
#define TASK_UNSET_integer TASK_UNSET
#define TASK_UNSET_boolean TASK_UNSET
#define TASK_UNSET_float8 TASK_UNSET
#define TASK_UNSET_interval TASK_UNSET

#define TASK_MEMBER(name, kind, definition, unset, send, signature) \
	CELERIAC_DECLARED_##definition(TASK_TYPE_##kind name;)

/*
 * A task and its options, which options.h lists.  They are Celery's and have the
 * meaning of the arguments of task_define() in SQL; durations are in seconds,
 * truth is 0 or 1.  Do not fill it in by hand: TASK() presets everything to
 * TASK_UNSET.
 */
typedef struct task_definition
{
	const char *name;			/* without the module's name */
	task_function run;
				CELERIAC_TASK_OPTIONS(TASK_MEMBER)
} task_definition;

/* What a module exports, under the name celeriac_task_module. */
typedef struct task_module
{
	unsigned	abi_version;	/* TASK_ABI_VERSION it was compiled with */
	unsigned	definition_size;	/* sizeof(task_definition) then */
	const char *name;
	const task_definition *tasks;
	size_t		ntasks;
} task_module;

#define TASK_MODULE_SYMBOL "celeriac_task_module"

/* Facts about a delivery; see the functions that ask for them. */
typedef enum task_text
{
	TASK_TEXT_ID,
	TASK_TEXT_NAME,
	TASK_TEXT_QUEUE,
	TASK_TEXT_ARGS,
	TASK_TEXT_KWARGS,
	TASK_TEXT_OPTIONS,
	TASK_TEXT_ROOT_ID,
	TASK_TEXT_PARENT_ID,
	TASK_TEXT_GROUP_ID
} task_text;

typedef enum task_number
{
	TASK_NUMBER_RETRIES,
	TASK_NUMBER_MAX_RETRIES,
	TASK_NUMBER_DELIVERY,
	TASK_NUMBER_PRIORITY
} task_number;

/* The host's side of every call below. */
typedef struct task_api
{
	unsigned	abi_version;
	bool		(*unpack) (task *t, const char *args_format,
						   const char *kwargs_format, va_list ap);
	task_status (*return_value) (task *t, const char *format, va_list ap);
	task_status (*return_json) (task *t, const char *json);
	task_status (*fail) (task *t, const char *type, const char *format,
						 va_list ap);
	task_status (*retry) (task *t, double countdown, const char *format,
						  va_list ap);
	task_status (*reject) (task *t, bool requeue);
	bool		(*update_state) (task *t, const char *state,
								 const char *format, va_list ap);
	void		(*log) (task *t, task_log_level level, const char *format,
						va_list ap);
	bool		(*revoked) (task *t);
	bool		(*soft_limit_reached) (task *t);
	const char *(*text) (task *t, task_text which);
	int			(*number) (task *t, task_number which);
	const char *(*header) (task *t, const char *key);
	void	   *(*alloc) (task *t, size_t size);
	bool		(*send) (task *t, const char *name, const char *args_format,
						 const char *kwargs_format, va_list ap);
	bool		(*send_signature) (task *t, const char *signature);
	bool		(*add_to_chord) (task *t, const char *signature);
	task_status (*replace) (task *t, const char *signature);
} task_api;

struct task
{
	const task_api *api;		/* what follows is the host's business */
};

#if defined(__GNUC__)
#define TASK_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#define TASK_EXPORT __attribute__((__visibility__("default")))
#define TASK_INLINE static inline __attribute__((__unused__))
#else
#define TASK_PRINTF(text, first)
#define TASK_EXPORT
#define TASK_INLINE static inline
#endif

/*
 * Arguments
 */

/*
 * Unpack the positional arguments (a JSON array) by one jansson format and the
 * keyword arguments (an object) by another; the pointers for both follow in
 * that order.  A NULL format leaves that side alone.  Arguments no format
 * mentions are an error, as in Celery; end a format with '*' ("[s*]", "{s:i*}")
 * to allow them.  Strings live as long as the task.  On a mismatch a TypeError
 * is recorded and false returned: return TASK_FAILURE then.
 */
TASK_INLINE bool
task_unpack(task *t, const char *args_format, const char *kwargs_format, ...)
{
	va_list		ap;
	bool		ok;

	va_start(ap, kwargs_format);
	ok = t->api->unpack(t, args_format, kwargs_format, ap);
	va_end(ap);
	return ok;
}

/* The same as JSON text: "[...]" and "{...}". */
TASK_INLINE const char *
task_args_json(task *t)
{
	return t->api->text(t, TASK_TEXT_ARGS);
}

TASK_INLINE const char *
task_kwargs_json(task *t)
{
	return t->api->text(t, TASK_TEXT_KWARGS);
}

/*
 * Ways to end; return what they return.
 */

/* Succeed with a result built by a jansson format; NULL is null. */
TASK_INLINE task_status
task_return(task *t, const char *format, ...)
{
	va_list		ap;
	task_status status;

	va_start(ap, format);
	status = t->api->return_value(t, format, ap);
	va_end(ap);
	return status;
}

/* Succeed with a result that is JSON text already; it is copied. */
TASK_INLINE task_status
task_return_json(task *t, const char *json)
{
	return t->api->return_json(t, json);
}

/*
 * Fail.  The type is a name like "IOError" that autoretry_for can mention
 * (NULL = "Error"), the message is printf's.
 */
TASK_INLINE task_status task_fail(task *t, const char *type, const char *format, ...)
			TASK_PRINTF(3, 4);

TASK_INLINE task_status
task_fail(task *t, const char *type, const char *format, ...)
{
	va_list		ap;
	task_status status;

	va_start(ap, format);
	status = t->api->fail(t, type, format, ap);
	va_end(ap);
	return status;
}

/*
 * Run again after countdown seconds, or after the delay of the task's
 * definition when it is negative.  Past max_retries the server ends the task
 * as FAILURE with this reason.
 */
TASK_INLINE task_status task_retry(task *t, double countdown, const char *format, ...)
			TASK_PRINTF(3, 4);

TASK_INLINE task_status
task_retry(task *t, double countdown, const char *format, ...)
{
	va_list		ap;
	task_status status;

	va_start(ap, format);
	status = t->api->retry(t, countdown, format, ap);
	va_end(ap);
	return status;
}

/* Refuse the task: put it back for another worker, or end it as REJECTED. */
TASK_INLINE task_status
task_reject(task *t, bool requeue)
{
	return t->api->reject(t, requeue);
}

/* End as IGNORED: neither a success nor a failure. */
TASK_INLINE task_status
task_ignore(task *t)
{
	(void) t;
	return TASK_IGNORE;
}

/*
 * End by letting a signature take this task's place: it gets its id, its links,
 * its place in a chain, group or chord; its result is then this task's.  The
 * signature is JSON text as task_signature has it: a task, or a whole canvas.
 */
TASK_INLINE task_status
task_replace(task *t, const char *signature)
{
	return t->api->replace(t, signature);
}

/*
 * Sending others
 *
 * What a task sends are its children.  They go out in the transaction that
 * keeps its result, and only then: those of a task that does not end as SUCCESS,
 * IGNORED or replaced are never sent.
 */

/*
 * Send a task, with arguments built by jansson formats as task_unpack() takes
 * them: an array and an object, each NULL if there are none.  False when they
 * cannot be built.
 */
TASK_INLINE bool
task_send(task *t, const char *name, const char *args_format, const char *kwargs_format, ...)
{
	va_list		ap;
	bool		ok;

	va_start(ap, kwargs_format);
	ok = t->api->send(t, name, args_format, kwargs_format, ap);
	va_end(ap);
	return ok;
}

/* Send a signature, JSON text: a task with options, or a whole canvas. */
TASK_INLINE bool
task_send_signature(task *t, const char *signature)
{
	return t->api->send_signature(t, signature);
}

/* Let a signature join the header of the chord that this task is in. */
TASK_INLINE bool
task_add_to_chord(task *t, const char *signature)
{
	return t->api->add_to_chord(t, signature);
}

/*
 * While it runs
 */

/*
 * Show a state of your own in task_state, with an info built by a jansson
 * format (NULL = none).  Cheap, but not free: not once per loop.  False when
 * the info could not be built.
 */
TASK_INLINE bool
task_update_state(task *t, const char *state, const char *format, ...)
{
	va_list		ap;
	bool		ok;

	va_start(ap, format);
	ok = t->api->update_state(t, state, format, ap);
	va_end(ap);
	return ok;
}

/* task_update_state(t, "PROGRESS", ...) */
TASK_INLINE bool
task_progress(task *t, const char *format, ...)
{
	va_list		ap;
	bool		ok;

	va_start(ap, format);
	ok = t->api->update_state(t, "PROGRESS", format, ap);
	va_end(ap);
	return ok;
}

/* Write a line to the worker's log, marked with the task's name and id. */
TASK_INLINE void task_log(task *t, task_log_level level, const char *format, ...)
			TASK_PRINTF(3, 4);

TASK_INLINE void
task_log(task *t, task_log_level level, const char *format, ...)
{
	va_list		ap;

	va_start(ap, format);
	t->api->log(t, level, format, ap);
	va_end(ap);
}

/* Somebody revoked this task: stop when convenient, return TASK_REVOKED. */
TASK_INLINE bool
task_revoked(task *t)
{
	return t->api->revoked(t);
}

/*
 * The soft time limit is over: clean up and return before the hard one kills
 * the process.  Reaching it also interrupts sleeps and system calls (EINTR).
 * TASK_FAILURE without an error of your own becomes SoftTimeLimitExceeded.
 */
TASK_INLINE bool
task_soft_limit_reached(task *t)
{
	return t->api->soft_limit_reached(t);
}

/* Memory that is freed when the function returns; NULL when there is none. */
TASK_INLINE void *
task_alloc(task *t, size_t size)
{
	return t->api->alloc(t, size);
}

/*
 * What is known about it
 */

TASK_INLINE const char *
task_id(task *t)
{
	return t->api->text(t, TASK_TEXT_ID);
}

/* with the module's name: "demo.add" */
TASK_INLINE const char *
task_name(task *t)
{
	return t->api->text(t, TASK_TEXT_NAME);
}

TASK_INLINE const char *
task_queue(task *t)
{
	return t->api->text(t, TASK_TEXT_QUEUE);
}

/* the first task of the workflow, the one that sent this, the group; or NULL */
TASK_INLINE const char *
task_root_id(task *t)
{
	return t->api->text(t, TASK_TEXT_ROOT_ID);
}

TASK_INLINE const char *
task_parent_id(task *t)
{
	return t->api->text(t, TASK_TEXT_PARENT_ID);
}

TASK_INLINE const char *
task_group_id(task *t)
{
	return t->api->text(t, TASK_TEXT_GROUP_ID);
}

/* how often it was retried so far: 0 at first */
TASK_INLINE int
task_retries(task *t)
{
	return t->api->number(t, TASK_NUMBER_RETRIES);
}

/* or TASK_NO_LIMIT */
TASK_INLINE int
task_max_retries(task *t)
{
	return t->api->number(t, TASK_NUMBER_MAX_RETRIES);
}

/* how often it was handed to a worker, this time included */
TASK_INLINE int
task_delivery_number(task *t)
{
	return t->api->number(t, TASK_NUMBER_DELIVERY);
}

TASK_INLINE int
task_priority(task *t)
{
	return t->api->number(t, TASK_NUMBER_PRIORITY);
}

/* a header of the message: a string as it is, anything else as JSON; or NULL */
TASK_INLINE const char *
task_header(task *t, const char *key)
{
	return t->api->header(t, key);
}

/* all options of the message as JSON text, or NULL */
TASK_INLINE const char *
task_options_json(task *t)
{
	return t->api->text(t, TASK_TEXT_OPTIONS);
}

#ifdef __cplusplus
}								/* extern "C" */

#define TASK_PRESET_MEMBER(name, kind, definition, unset, send, signature) \
	CELERIAC_DECLARED_##definition(d.name = TASK_UNSET_##kind;)

#define TASK_GIVEN_text const char *
#define TASK_GIVEN_texts const char *
#define TASK_GIVEN_integer int
#define TASK_GIVEN_boolean bool
#define TASK_GIVEN_float8 double
#define TASK_GIVEN_interval double

#define TASK_SETTER(name, kind, definition, unset, send, signature) \
	CELERIAC_DECLARED_##definition( \
		task_builder &name(TASK_GIVEN_##kind v) { d.name = v; return *this; })

/*
 * C++ has no designated initialisers before C++20: options are chained calls,
 *
 *		TASK_MODULE("demo", TASK("resize", resize).max_retries(3).time_limit(30));
 */
class task_builder
{
public:
	task_builder(const char *name, task_function run)
	{
		d.name = name;
		d.run = run;
		CELERIAC_TASK_OPTIONS(TASK_PRESET_MEMBER)
	}

	CELERIAC_TASK_OPTIONS(TASK_SETTER)

	operator task_definition() const { return d; }

private:
	task_definition d;
};

#define TASK(task_name, task_run) task_builder(task_name, task_run)

#define TASK_MODULE(module_name, ...) \
	static const task_definition celeriac_task_list[] = {__VA_ARGS__}; \
	extern "C" { \
	extern TASK_EXPORT const task_module celeriac_task_module; \
	const task_module celeriac_task_module = TASK_MODULE_BODY(module_name); \
	} \
	extern "C" const task_module celeriac_task_module

#else							/* C */

#define TASK_PRESET(name, kind, definition, unset, send, signature) \
	CELERIAC_DECLARED_##definition(.name = TASK_UNSET_##kind,)

/*
 * TASK(name, function, .option = value, ...).  The presets come first, so what
 * the caller writes wins; compilers warn about overridden initialisers, which
 * is the point here, so TASK_MODULE silences that one warning.
 */
#define TASK(task_name, ...) { \
		CELERIAC_TASK_OPTIONS(TASK_PRESET) \
		.name = (task_name), .run = __VA_ARGS__ }

#if defined(__GNUC__)
#define TASK_QUIET_BEGIN \
	_Pragma("GCC diagnostic push") \
	_Pragma("GCC diagnostic ignored \"-Woverride-init\"")
#define TASK_QUIET_END _Pragma("GCC diagnostic pop")
#else
#define TASK_QUIET_BEGIN
#define TASK_QUIET_END
#endif

/* Once per shared library; needs a semicolon after it. */
#define TASK_MODULE(module_name, ...) \
	TASK_QUIET_BEGIN \
	static const task_definition celeriac_task_list[] = {__VA_ARGS__}; \
	TASK_QUIET_END \
	extern TASK_EXPORT const task_module celeriac_task_module; \
	const task_module celeriac_task_module = TASK_MODULE_BODY(module_name)

#endif							/* __cplusplus */

#define TASK_MODULE_BODY(module_name) \
	{TASK_ABI_VERSION, (unsigned) sizeof(task_definition), (module_name), \
	 celeriac_task_list, \
	 sizeof(celeriac_task_list) / sizeof(celeriac_task_list[0])}

#endif							/* CELERIAC_TASK_H */
