/*
 * options.c
 *		Tasks that set every option, one with a long list of errors to retry.
 */
#include <celeriac/task.h>

static task_status
nothing(task *t)
{
	return task_return_json(t, "null");
}

/* 20 names of 29 bytes each, with their commas */
#define FOUR_NAMES(n) \
	"AnErrorOfFairlyLongName" n "Aaaa," \
	"AnErrorOfFairlyLongName" n "Bbbb," \
	"AnErrorOfFairlyLongName" n "Cccc," \
	"AnErrorOfFairlyLongName" n "Dddd"

TASK_MODULE("options",
			TASK("none", nothing),
			TASK("all", nothing,
				 .queue = "elsewhere",
				 .priority = 9,
				 .max_retries = 7,
				 .max_deliveries = 5,
				 .retry_jitter = 0,
				 .acks_late = 0,
				 .ignore_result = 1,
				 .track_started = 1,
				 .retry_delay = 0.25,
				 .retry_backoff = 1.5,
				 .retry_backoff_max = 1234567.125,
				 .soft_time_limit = 30,
				 .time_limit = 1234567.125,
				 .autoretry_for = FOUR_NAMES("1") "," FOUR_NAMES("2") ","
				 FOUR_NAMES("3") "," FOUR_NAMES("4") "," FOUR_NAMES("5")),
			TASK("unlimited", nothing, .max_retries = TASK_NO_LIMIT));
