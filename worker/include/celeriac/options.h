/*
 * options.h
 *		The options of a task: one list for the extension, its SQL, the worker
 *		program and task modules.
 *
 * task.h reads it for modules; there is no need to include it yourself.  A new
 * option is a line here, a column in src/sql/tables.sql if definitions have it,
 * a line in the documents, and the code that gives it a meaning.
 */
#ifndef CELERIAC_OPTIONS_H
#define CELERIAC_OPTIONS_H

/*
 * OPTION(name, kind, definition, unset, send, signature)
 *
 * kind: see below.
 *
 * definition: server = a column of task_definition, and a parameter of
 * task_register and task_define; module = TASK() of a module may set it too;
 * none = neither.
 *
 * unset: what holds for a task that has no definition, the same as the default
 * of the column.  In C the NULL of an integer is -1, of an interval or float8 0.
 *
 * send: send = a parameter of task_send and task_send_many; none = it is not.
 *
 * signature: what the option may be in those of a signature, as calloption.c
 * checks it; none = it is not known there.
 *
 * Columns and parameters come in this order; expires is a time for who sends,
 * an interval for who defines, and has two lines.
 */
#define CELERIAC_TASK_OPTIONS(OPTION) \
	/* where it is sent */ \
	OPTION(queue, text, module, NULL, send, queue) \
	/* higher runs first */ \
	OPTION(priority, integer, module, 0, send, priority) \
	/* so long after it was sent it may run, or then */ \
	OPTION(countdown, interval, none, none, send, countdown) \
	OPTION(eta, time, none, none, send, time) \
	/* it does not begin any more */ \
	OPTION(expires, time, none, none, send, time_or_seconds) \
	/* modules: or TASK_NO_LIMIT */ \
	OPTION(max_retries, integer, module, 3, send, retries) \
	/* before a retry */ \
	OPTION(retry_delay, interval, module, 180, none, none) \
	/* the first delay instead, doubled by each retry; 0 = off */ \
	OPTION(retry_backoff, float8, module, 0, none, none) \
	OPTION(retry_backoff_max, interval, module, 600, none, none) \
	/* randomise the backoff */ \
	OPTION(retry_jitter, boolean, module, true, none, none) \
	/* errors to try again for; modules: "IOError,TimeoutError" */ \
	OPTION(autoretry_for, texts, module, {0}, none, none) \
	/* then the task is told; modules: task_soft_limit_reached() */ \
	OPTION(soft_time_limit, interval, module, 0, send, limit) \
	/* then it is stopped */ \
	OPTION(time_limit, interval, module, 0, send, limit) \
	OPTION(expires, interval, server, 0, none, none) \
	/* false = at most once */ \
	OPTION(acks_late, boolean, module, true, none, flag) \
	/* workers it may kill before it fails */ \
	OPTION(max_deliveries, integer, module, 3, none, none) \
	OPTION(ignore_result, boolean, module, false, send, flag) \
	OPTION(track_started, boolean, module, false, none, none) \
	OPTION(rate_limit, text, server, NULL, none, none) \
	/* callbacks */ \
	OPTION(link, signatures, none, none, send, callbacks) \
	OPTION(link_error, signatures, none, none, send, callbacks) \
	/* what goes with it */ \
	OPTION(headers, object, none, none, send, map) \
	OPTION(shadow, text, none, none, send, text) \
	OPTION(task_id, text, none, none, none, id) \
	OPTION(stamps, object, none, none, none, map) \
	OPTION(stamped_headers, texts, none, none, none, names)

/*
 * KIND(name, SQL type).  JSON and modules have an interval in seconds; modules
 * have a boolean as 0 or 1, texts as one string with commas.
 */
#define CELERIAC_OPTION_KINDS(KIND) \
	KIND(text, "text") \
	KIND(texts, "text[]") \
	KIND(integer, "integer") \
	KIND(boolean, "boolean") \
	KIND(float8, "double precision") \
	KIND(interval, "interval") \
	KIND(time, "timestamptz") \
	KIND(object, "jsonb") \
	KIND(signatures, "task_signature[]")

/* CELERIAC_DEFINED_##definition(...), ...: what is in it only for such options. */
#define CELERIAC_DEFINED_module(...) __VA_ARGS__
#define CELERIAC_DEFINED_server(...) __VA_ARGS__
#define CELERIAC_DEFINED_none(...)

#define CELERIAC_DECLARED_module(...) __VA_ARGS__
#define CELERIAC_DECLARED_server(...)
#define CELERIAC_DECLARED_none(...)

#define CELERIAC_SENT_send(...) __VA_ARGS__
#define CELERIAC_SENT_none(...)

#endif							/* CELERIAC_OPTIONS_H */
