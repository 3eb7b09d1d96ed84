/*
 * log.h
 *		The worker's log: one line per event, as text or as JSON.
 *
 * Lines of the supervisor are collected and written before it waits for
 * something, warnings at once.  A child writes each line at once.  A line goes
 * out in one write() to a file opened for appending, so that lines of several
 * processes do not mix.
 */
#ifndef CELERIAC_WORKER_BASE_LOG_H
#define CELERIAC_WORKER_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

typedef enum LogLevel
{
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_CRITICAL,
	LOG_LEVEL_ALWAYS			/* shown as INFO whatever the threshold */
} LogLevel;

/* False when there is no level of that name (case does not matter). */
extern bool log_parse_level(const char *name, LogLevel *level);

/* path NULL = standard error.  False with errno when it cannot be opened. */
extern bool log_open(const char *path, LogLevel threshold, bool json);

/* Open the file again, after somebody moved it away. */
extern bool log_reopen(void);

/* What processes call themselves: "Main", "Pool-3".  Not copied. */
extern void log_set_process(const char *name);

/* From now on write every line at once: in children. */
extern void log_set_unbuffered(void);

extern bool log_wanted(LogLevel level);

extern void log_write(LogLevel level, const char *format,...) __attribute__((format(printf, 2, 3)));

/* A line about a task: JSON lines carry its name and id as fields. */
extern void log_task(LogLevel level, Text name, const Uuid *id, const char *format,...) __attribute__((format(printf, 4, 5)));

/* A message of the task itself: "NAME[ID]: MESSAGE". */
extern void log_from_task(LogLevel level, Text name, const Uuid *id, const char *message);

/* Write out what was collected. */
extern void log_flush(void);

#endif							/* CELERIAC_WORKER_BASE_LOG_H */
