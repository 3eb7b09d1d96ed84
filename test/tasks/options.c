/*
 * options.c
 *		Tasks that are declared with every option there is, with one each, and
 *		with none.
 */
#include <celeriac/task.h>

static task_status
plain(task *t)
{
	return task_return_json(t, task_options_json(t) ? task_options_json(t) : "null");
}

/* more names than a short buffer holds */
#define NAMES "NumberOneError,NumberTwoError,NumberThreeError,NumberFourError,"
#define MANY NAMES NAMES NAMES NAMES NAMES NAMES NAMES NAMES NAMES NAMES NAMES NAMES

TASK_MODULE("options",
			TASK("all", plain,
				 .queue = "options",
				 .autoretry_for = "IOError,40001",
				 .priority = 7,
				 .max_retries = 5,
				 .max_deliveries = 2,
				 .retry_jitter = 0,
				 .acks_late = 0,
				 .ignore_result = 1,
				 .track_started = 1,
				 .retry_delay = 11,
				 .retry_backoff = 100,
				 .retry_backoff_max = 150,
				 .soft_time_limit = 12,
				 .time_limit = 13.5),
			TASK("none", plain),
			TASK("queue", plain, .queue = "options"),
				TASK("autoretry_for", plain, .autoretry_for = "IOError"),
				TASK("priority", plain, .priority = 255),
				TASK("max_retries", plain, .max_retries = 0),
				TASK("no_limit", plain, .max_retries = TASK_NO_LIMIT),
				TASK("max_deliveries", plain, .max_deliveries = 1),
				TASK("retry_jitter", plain, .retry_jitter = 0),
				TASK("acks_late", plain, .acks_late = 0),
				TASK("ignore_result", plain, .ignore_result = 1),
				TASK("track_started", plain, .track_started = 1),
				TASK("retry_delay", plain, .retry_delay = 0),
				TASK("retry_backoff", plain, .retry_backoff = 1.5),
				TASK("retry_backoff_max", plain, .retry_backoff_max = 0.25),
				TASK("soft_time_limit", plain, .soft_time_limit = 0.001),
				TASK("many_errors", plain, .autoretry_for = MANY "LastError"),
				TASK("time_limit", plain, .time_limit = 3600));
