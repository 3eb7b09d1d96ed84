/*
 * log.c
 *		The worker's log: one line per event, as text or as JSON.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/mem.h"

/* collected lines are written when there are so many bytes of them */
#define LOG_BATCH	(32 * 1024)

static const char *const log_level_names[] = {
	[LOG_LEVEL_DEBUG] = "DEBUG",
	[LOG_LEVEL_INFO] = "INFO",
	[LOG_LEVEL_WARNING] = "WARNING",
	[LOG_LEVEL_ERROR] = "ERROR",
	[LOG_LEVEL_CRITICAL] = "CRITICAL",
};

/* The log of a process. */
typedef struct LogState
{
	int			fd;
	char	   *path;			/* NULL = standard error */
	LogLevel	threshold;
	bool		json;
	bool		unbuffered;
	const char *process;
	Buffer		lines;			/* collected, not written */
} LogState;

static LogState log_state = {
	.fd = STDERR_FILENO,
	.threshold = LOG_LEVEL_WARNING,
	.unbuffered = true,
	.process = "Main",
};

bool
log_parse_level(const char *name, LogLevel *level)
{
	for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_CRITICAL; i++)
	{
		if (strcasecmp(name, log_level_names[i]) == 0)
		{
			*level = (LogLevel) i;
			return true;
		}
	}
	return false;
}

static int
log_open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool
log_open(const char *path, LogLevel threshold, bool json)
{
	int			fd = path ? log_open_file(path) : STDERR_FILENO;

	if (fd < 0)
		return false;
	log_state.fd = fd;
	free(log_state.path);
	log_state.path = path ? mem_strdup(path) : NULL;
	log_state.threshold = threshold;
	log_state.json = json;
	log_state.unbuffered = false;
	return true;
}

bool
log_reopen(void)
{
	int			fd;

	if (log_state.path == NULL)
		return true;
	log_flush();
	fd = log_open_file(log_state.path);
	if (fd < 0)
		return false;
	close(log_state.fd);
	log_state.fd = fd;
	return true;
}

void
log_set_process(const char *name)
{
	log_state.process = name;
}

void
log_set_unbuffered(void)
{
	log_state.unbuffered = true;
}

bool
log_wanted(LogLevel level)
{
	return level >= log_state.threshold;
}

/*
 * Nobody to tell when the log itself cannot be written: the lines are dropped,
 * because waiting for a full disk would stop the tasks too.
 */
void
log_flush(void)
{
	while (buffer_length(&log_state.lines) > 0)
	{
		if (buffer_write(&log_state.lines, log_state.fd) <= 0)
		{
			buffer_consume(&log_state.lines,
						   buffer_length(&log_state.lines));
			return;
		}
	}
}

/*
 * Lines
 */

static void
log_put_time(Buffer *line, const char *date_format, char fraction_mark)
{
	static time_t last_second = -1;
	static char last_text[32];
	int64_t		now = clock_wall();
	time_t		second = (time_t) (now / CLOCK_SECOND);

	/* localtime_r reads the time zone's rules: once per second is enough */
	if (second != last_second)
	{
		struct tm	broken;

		localtime_r(&second, &broken);
		strftime(last_text, sizeof(last_text), date_format, &broken);
		last_second = second;
	}
	buffer_printf(line, "%s%c%03d", last_text, fraction_mark,
				  (int) (now % CLOCK_SECOND / CLOCK_MS));
}

/* One line is one line: what would break it is shown as a space. */
static void
log_put_plain(Buffer *line, const char *message)
{
	size_t		length = strlen(message);
	char	   *out = buffer_reserve(line, length);

	for (size_t i = 0; i < length; i++)
		out[i] = (unsigned char) message[i] < ' ' ? ' ' : message[i];
	line->end += length;
}

static void
log_put_text(Buffer *line, LogLevel level, const char *message)
{
	buffer_append(line, "[", 1);
	log_put_time(line, "%Y-%m-%d %H:%M:%S", ',');
	buffer_printf(line, ": %s/%s] ", log_level_names[level],
				  log_state.process);
	log_put_plain(line, message);
	buffer_append(line, "\n", 1);
}

/* A JSON string; the bytes are made UTF-8 on the way. */
static void
log_put_string(Buffer *line, const char *bytes, size_t length)
{
	char	   *copy = mem_alloc(length);

	memcpy(copy, bytes, length);
	text_make_utf8(copy, length);
	buffer_append(line, "\"", 1);
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) copy[i];

		if (c == '"' || c == '\\')
			buffer_printf(line, "\\%c", c);
		else if (c < ' ')
			buffer_printf(line, "\\u%04x", c);
		else
			buffer_append(line, copy + i, 1);
	}
	buffer_append(line, "\"", 1);
	free(copy);
}

static void
log_put_json(Buffer *line, LogLevel level, Text name, const Uuid *id,
			 const char *message)
{
	buffer_printf(line, "{\"time\":\"");
	log_put_time(line, "%Y-%m-%dT%H:%M:%S", '.');
	buffer_printf(line, "\",\"level\":\"%s\",\"process\":\"%s\",\"pid\":%d",
				  log_level_names[level], log_state.process, (int) getpid());
	if (name.data != NULL)
	{
		buffer_printf(line, ",\"task_name\":");
		log_put_string(line, name.data, name.length);
	}
	if (id != NULL)
	{
		char		text[UUID_TEXT_SIZE];

		uuid_format(id, text);
		buffer_printf(line, ",\"task_id\":\"%s\"", text);
	}
	buffer_printf(line, ",\"message\":");
	log_put_string(line, message, strlen(message));
	buffer_append(line, "}\n", 2);
}

static void
log_emit(LogLevel level, Text name, const Uuid *id, const char *message)
{
	LogLevel	shown = level == LOG_LEVEL_ALWAYS ? LOG_LEVEL_INFO : level;

	if (log_state.json)
		log_put_json(&log_state.lines, shown, name, id, message);
	else
		log_put_text(&log_state.lines, shown, message);
	if (log_state.unbuffered || level >= LOG_LEVEL_WARNING ||
		buffer_length(&log_state.lines) > LOG_BATCH)
		log_flush();
}

static void
log_vwrite(LogLevel level, Text name, const Uuid *id, const char *format,
		   va_list ap)
{
	char		small[512];
	char	   *message = small;
	va_list		again;
	int			length;

	va_copy(again, ap);
	length = vsnprintf(small, sizeof(small), format, ap);
	if (length >= (int) sizeof(small))
	{
		message = mem_alloc((size_t) length + 1);
		vsnprintf(message, (size_t) length + 1, format, again);
	}
	va_end(again);
	log_emit(level, name, id, message);
	if (message != small)
		free(message);
}

void
log_write(LogLevel level, const char *format,...)
{
	int			saved_errno = errno;
	va_list		ap;

	if (!log_wanted(level))
		return;
	va_start(ap, format);
	log_vwrite(level, TEXT_NULL, NULL, format, ap);
	va_end(ap);
	errno = saved_errno;
}

void
log_task(LogLevel level, Text name, const Uuid *id, const char *format,...)
{
	va_list		ap;

	if (!log_wanted(level))
		return;
	va_start(ap, format);
	log_vwrite(level, name, id, format, ap);
	va_end(ap);
}

void
log_from_task(LogLevel level, Text name, const Uuid *id, const char *message)
{
	char		text[UUID_TEXT_SIZE];

	uuid_format(id, text);
	if (log_state.json)
		log_task(level, name, id, "%s", message);
	else
		log_task(level, name, id, "%.*s[%s]: %s", (int) name.length,
				 name.data, text, message);
}
