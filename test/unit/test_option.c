/*
 * test_option.c
 *		option.c and config.c: the command line.
 */
#include "pool/config.h"

#include <stdlib.h>

#include "tap.h"

static Config config;
static char error[512];

/* Parse a NULL-terminated list of arguments. */
static ConfigResult
parse(const char *first,...)
{
	char	   *argv[32];
	int			argc = 0;
	va_list		ap;

	va_start(ap, first);
	for (const char *arg = first; arg != NULL; arg = va_arg(ap, const char *))
		argv[argc++] = (char *) arg;
	va_end(ap);
	error[0] = '\0';
	return config_parse(&config, argc, argv, error, sizeof(error));
}

static void
refuse(ConfigResult result, const char *mentions)
{
	ok(result == CONFIG_ERROR && strstr(error, mentions) != NULL,
	   "refused with \"%s\": %s", mentions, error);
	config_free(&config);
}

static void
test_defaults(void)
{
	ok(parse(NULL) == CONFIG_READY, "no arguments: %s", error);
	is_int(config.queues.count, 1, "one queue");
	is(config.queues.values[0], "default", "its name");
	ok(config.concurrency >= 1, "at least one child");
	is_int(config.prefetch_multiplier, 4, "prefetch multiplier");
	is_int(config.loglevel, LOG_LEVEL_WARNING, "log level");
	ok(strncmp(config.worker, "celeriac@", 9) == 0, "worker name %s",
	   config.worker);
	ok(config.logfile == NULL && !config.log_json, "text to stderr");
	config_free(&config);
}

static void
test_spellings(void)
{
	ok(parse("--queues=a,b", "-Q", "c", "-c3", "--concurrency", "5",
			 "-nworker@x", "-p", "t.x=echo a=b", "--time-limit=1.5",
			 NULL) == CONFIG_READY, "all spellings: %s", error);
	is_int(config.queues.count, 3, "queues given twice add up");
	is(config.queues.values[2], "c", "... the last one");
	is_int(config.concurrency, 5, "the last number wins");
	is(config.worker, "worker@x", "a letter with its value");
	is(config.programs[0].name, "t.x", "a program's name");
	is(config.programs[0].command, "echo a=b", "its command");
	ok(config.time_limit == 1.5, "seconds");
	config_free(&config);

	ok(parse("-c", "2", "--help", NULL) == CONFIG_HELP, "help");
	config_free(&config);
	ok(parse("--dsn", "host=a", "-d", "host=b", NULL) == CONFIG_READY,
	   "an alias");
	is(config.conninfo, "host=b", "... is the same option");
	config_free(&config);
}

static void
test_environment(void)
{
	setenv("CELERIAC_QUEUES", "x,y", 1);
	setenv("CELERIAC_CONCURRENCY", "7", 1);
	ok(parse(NULL) == CONFIG_READY, "environment: %s", error);
	is_int(config.queues.count, 2, "a list");
	is_int(config.concurrency, 7, "a number");
	config_free(&config);
	ok(parse("-Q", "z", NULL) == CONFIG_READY, "the command line");
	is_int(config.queues.count, 1, "... replaces it");
	config_free(&config);
	setenv("CELERIAC_CONCURRENCY", "many", 1);
	refuse(parse(NULL), "needs a number");
	unsetenv("CELERIAC_QUEUES");
	unsetenv("CELERIAC_CONCURRENCY");
}

static void
test_errors(void)
{
	refuse(parse("--colour=red", NULL), "no option");
	refuse(parse("-x", NULL), "no option");
	refuse(parse("default", NULL), "unexpected argument");
	refuse(parse("--queues", NULL), "needs a value");
	refuse(parse("--queues=a,,b", NULL), "empty item");
	refuse(parse("-c", "many", NULL), "needs a number");
	refuse(parse("-c", "1.5", NULL), "whole number");
	refuse(parse("-c", "-1", NULL), "at least 0");
	refuse(parse("-c", "5000", NULL), "at most");
	refuse(parse("-c", "3x", NULL), "needs a number");
	refuse(parse("--time-limit=nan", NULL), "needs a number");
	refuse(parse("-l", "loud", NULL), "--loglevel");
	refuse(parse("--log-format=xml", NULL), "--log-format");
	refuse(parse("-p", "nocommand", NULL), "TASK=COMMAND");
	refuse(parse("-n", "a%q", NULL), "--hostname");
	refuse(parse("--time-limit=1", "--soft-time-limit=2", NULL),
		   "--soft-time-limit");
	refuse(parse("--logfile=%q", NULL), "% escape");
}

static void
expand(const char *format, const char *worker, const char *expected)
{
	char	   *text = config_expand(format, "box.example.org", worker);

	is(text, expected, format);
	free(text);
}

static void
test_expand(void)
{
	expand("celeriac@%h", NULL, "celeriac@box.example.org");
	expand("%n.%d-%%", NULL, "box.example.org-%");
	expand("/var/log/%n.log", "media@box", "/var/log/media.log");
	expand("%p", "media@box", "media@box");
	expand("%p", NULL, NULL);
	expand("%", NULL, NULL);
}

int
main(void)
{
	test_defaults();
	test_spellings();
	test_environment();
	test_errors();
	test_expand();
	return tap_done();
}
