/*
 * test_log.c
 *		log.c: lines, levels, JSON; job.c: limits and lists.
 */
#include "base/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "pool/job.h"
#include "tap.h"

static char path[] = "/tmp/test_log_XXXXXX";

/* The file's content; the file is emptied. */
static char *
take(void)
{
	static char text[8192];
	FILE	   *file;
	size_t		length;

	log_flush();
	file = fopen(path, "r");
	length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[length] = '\0';
	if (file != NULL)
		fclose(file);
	if (truncate(path, 0) != 0)
		text[0] = '\0';
	return text;
}

static void
test_text(void)
{
	Uuid		id = {{0}};
	char	   *text;

	ok(log_open(path, LOG_LEVEL_INFO, false), "the file opens");
	log_write(LOG_LEVEL_DEBUG, "hidden");
	is(take(), "", "below the threshold");
	log_write(LOG_LEVEL_INFO, "number %d", 5);
	text = take();
	ok(strstr(text, ": INFO/Main] number 5\n") != NULL && text[0] == '[',
	   "Celery's format");
	log_from_task(LOG_LEVEL_ERROR, text_of("demo.x"), &id, "two\nlines");
	text = take();
	ok(strstr(text, "demo.x[00000000-0000-0000-0000-000000000000]: two lines\n") != NULL,
	   "a message of a task is one line");
	log_write(LOG_LEVEL_ALWAYS, "%2000d", 1);
	is_int((long long) strlen(strstr(take(), "] ") + 2), 2001,
		   "a long line is whole");
	ok(log_reopen(), "the file is opened again");
}

static void
test_json(void)
{
	Uuid		id = {{0}};
	json_t	   *line;

	log_open(path, LOG_LEVEL_WARNING, true);
	log_write(LOG_LEVEL_INFO, "hidden");
	log_task(LOG_LEVEL_WARNING, text_of("demo.x"), &id, "say \"%s\"\n\xff",
			 "h\\i");
	line = json_loads(take(), 0, NULL);
	ok(line != NULL, "one line is one JSON object");
	is(json_string_value(json_object_get(line, "message")),
	   "say \"h\\i\"\n?", "message");
	is(json_string_value(json_object_get(line, "level")), "WARNING", "level");
	is(json_string_value(json_object_get(line, "task_name")), "demo.x",
	   "task name");
	is(json_string_value(json_object_get(line, "task_id")),
	   "00000000-0000-0000-0000-000000000000", "task id");
	ok(json_is_integer(json_object_get(line, "pid")), "pid");
	json_decref(line);
}

static void
test_levels(void)
{
	LogLevel	level;

	ok(log_parse_level("info", &level) && level == LOG_LEVEL_INFO, "info");
	ok(log_parse_level("CRITICAL", &level) && level == LOG_LEVEL_CRITICAL,
	   "CRITICAL");
	ok(!log_parse_level("", &level), "no level");
	ok(!log_open("/nonexistent/file", LOG_LEVEL_INFO, false),
	   "a file that cannot be opened");
}

static Job *
job(const char *options, double soft, double hard)
{
	JobLimits	limits = {soft, hard};
	Delivery	delivery = {
		.name = text_of("demo.x"),
		.options = text_of(options),
	};

	return job_new(&delivery, &limits);
}

static void
test_limits(void)
{
	Job		   *a = job(NULL, 1, 0);
	Job		   *b = job("{\"time_limit\": 2.5, \"soft_time_limit\": 2}", 1, 9);
	Job		   *c = job("{\"time_limit\": \"x\"}", 0, 9);

	is_int(a->soft_limit, 1000000, "the worker's soft limit");
	is_int(a->time_limit, 0, "no limit");
	is_int(b->time_limit, 2500000, "the task's own limit");
	is_int(b->soft_limit, 2000000, "the task's own soft limit");
	is_int(c->time_limit, 9000000, "nonsense leaves the worker's");
	ok(a->stat == b->stat, "one name, one average");
	job_note_runtime(a, 100);
	job_note_runtime(b, 200);
	ok(a->stat->runtime > 100 && a->stat->runtime < 200, "it moves");
	job_free(a);
	job_free(b);
	job_free(c);
}

static void
test_lists(void)
{
	JobList		list;
	JobList		rest;
	Job		   *jobs[5];

	job_list_init(&list);
	for (int i = 0; i < 5; i++)
	{
		jobs[i] = job(NULL, 0, 0);
		jobs[i]->id.bytes[0] = (uint8_t) i;
		job_list_append(&list, jobs[i]);
	}
	job_list_cut(&list, 3, &rest);
	is_int(list.count * 10 + rest.count, 32, "cut");
	job_list_prepend(&list, &rest);
	ok(list.first == jobs[3] && list.count == 5 && rest.count == 0,
	   "put in front");
	ok(job_list_find(&list, &jobs[2]->id) == jobs[2], "found");
	job_list_remove(&list, jobs[2]);
	ok(job_list_find(&list, &jobs[2]->id) == NULL && list.count == 4,
	   "removed, the last one");
	job_list_append(&list, jobs[2]);
	for (int n = 0; n < 5; n++)
		job_free(job_list_shift(&list));
	ok(job_list_shift(&list) == NULL && list.end == &list.first, "empty");
	job_list_cut(&list, 0, &rest);
	is_int(rest.count, 0, "nothing to cut");
}

int
main(void)
{
	int			fd = mkstemp(path);

	ok(fd >= 0, "a file to log to");
	test_text();
	test_json();
	test_levels();
	test_limits();
	test_lists();
	close(fd);
	unlink(path);
	log_open(NULL, LOG_LEVEL_WARNING, false);
	return tap_done();
}
