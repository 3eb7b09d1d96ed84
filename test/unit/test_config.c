/*
 * test_config.c
 *		config.c: the options of `celeriac worker`.
 *
 * Guards against a worker that starts as something else than it was told to
 * be: each mistake ends the start, with a message that names it.
 */
#include "pool/config.h"

#include <stdlib.h>

#include "sdk/shared.h"
#include "tap.h"

static Config config;
static char error[256];

static ConfigResult
parse_list(char **argv)
{
	int			argc = 0;

	while (argv[argc] != NULL)
		argc++;
	config_free(&config);
	error[0] = '\0';
	return config_parse(&config, argc, argv, error, sizeof(error));
}

#define PARSE(...) parse_list((char *[]) {__VA_ARGS__, NULL})

static void
refuses(ConfigResult result, const char *message)
{
	ok(result == CONFIG_ERROR && strstr(error, message) != NULL,
	   "refused: %s", message);
	if (result != CONFIG_ERROR || strstr(error, message) == NULL)
		printf("# %d, \"%s\"\n", (int) result, error);
}

static void
test_presets(void)
{
	is_int(parse_list((char *[]) {NULL}), CONFIG_READY, "nothing needs to be said");
	ok(config.concurrency >= 1, "as many children as cores");
	is_int(config.queues.count, 1, "one queue");
	is(config.queues.values[0], "default", "the default");
	ok(strncmp(config.worker, "celeriac@", 9) == 0, "named after its host");
	is_int(config.loglevel, LOG_LEVEL_WARNING, "warnings are logged");
	is_int(PARSE("--help"), CONFIG_HELP, "help is asked for");
}

static void
test_values(void)
{
	is_int(PARSE("-c", "3", "-Q", "a,b", "-n", "w@x", "--time-limit", "2.5",
				 "--soft-time-limit", "2", "--log-format", "json", "-l", "debug",
				 "-p", "t.a=echo a=b", "-p", "t.b=true", "-f", "/tmp/%n-%p.log"),
		   CONFIG_READY, "many options");
	is_int(config.concurrency, 3, "concurrency");
	is_int(config.queues.count, 2, "queues");
	is(config.queues.values[1], "b", "the second one");
	is(config.worker, "w@x", "the worker's name");
	ok(config.time_limit == 2.5 && config.soft_time_limit == 2, "limits");
	ok(config.log_json, "JSON lines");
	is_int(config.loglevel, LOG_LEVEL_DEBUG, "level");
	is_int((long long) config.nprograms, 2, "two programs");
	is(config.programs[0].name, "t.a", "a program's task");
	is(config.programs[0].command, "echo a=b", "its command, with all that follows");
	is(config.logfile, "/tmp/w-w@x.log", "the name of the log file");
}

static void
test_mistakes(void)
{
	char		longest[CELERIAC_NAME_MAX + 2];

	memset(longest, 'w', sizeof(longest) - 1);
	longest[CELERIAC_NAME_MAX] = '\0';
	is_int(PARSE("-n", longest), CONFIG_READY, "the longest name the server takes");
	longest[CELERIAC_NAME_MAX] = 'w';
	longest[CELERIAC_NAME_MAX + 1] = '\0';
	refuses(PARSE("-n", longest), "--hostname");
	refuses(PARSE("-n", ""), "--hostname");
	refuses(PARSE("-n", "%x"), "--hostname");
	refuses(PARSE("-n", "w%"), "--hostname");
	refuses(PARSE("-c", "1025"), "--concurrency");
	refuses(PARSE("-c", "-1"), "concurrency");
	refuses(PARSE("-l", "LOUD"), "--loglevel");
	refuses(PARSE("--log-format", "xml"), "--log-format");
	refuses(PARSE("-p", "no command"), "--program");
	refuses(PARSE("-p", "=true"), "--program");
	refuses(PARSE("-p", "t.a="), "--program");
	refuses(PARSE("-f", "/tmp/%q"), "file name");
	refuses(PARSE("--time-limit", "1", "--soft-time-limit", "2"),
			"soft-time-limit");
	refuses(PARSE("stray"), "stray");
}

static void
expands(const char *format, const char *worker, const char *expected)
{
	char	   *got = config_expand(format, "node.example.org", worker);

	is(got, expected, format);
	free(got);
}

static void
test_expand(void)
{
	expands("w@%h", NULL, "w@node.example.org");
	expands("%n.%d", NULL, "node.example.org");
	expands("100%%", NULL, "100%");
	expands("%n of %p", "w@node", "w of w@node");
	expands("%p", NULL, NULL);
}

int
main(void)
{
	unsetenv("CELERIAC_QUEUES");
	unsetenv("CELERIAC_CONCURRENCY");
	test_presets();
	test_values();
	test_mistakes();
	test_expand();
	config_free(&config);
	return tap_done();
}
