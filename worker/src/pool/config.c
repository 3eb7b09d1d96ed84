/*
 * config.c
 *		The options of `celeriac worker`.
 */
#include "pool/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/mem.h"
#include "sdk/shared.h"

#define CONFIG_MAX_CONCURRENCY	1024

static const Option config_options[] = {
	{"dbname", 'd', "CELERIAC_DBNAME", OPTION_TEXT,
		offsetof(Config, conninfo), "CONNINFO", "", 0, 0,
	"database, or a connection string or URI; libpq's PG... variables count too"},
	{"dsn", 0, NULL, OPTION_TEXT,
		offsetof(Config, conninfo), "CONNINFO", NULL, 0, 0,
	"the same as --dbname"},
	{"hostname", 'n', "CELERIAC_HOSTNAME", OPTION_TEXT,
		offsetof(Config, hostname), "NAME", "celeriac@%h", 0, 0,
	"name of this worker; %h host, %n its first part, %d its domain"},
	{"queues", 'Q', "CELERIAC_QUEUES", OPTION_LIST,
		offsetof(Config, queues), "A,B,...", "default", 0, ',',
	"queues to take tasks from"},
	{"concurrency", 'c', "CELERIAC_CONCURRENCY", OPTION_INT,
		offsetof(Config, concurrency), "N", "0", 0, 0,
	"child processes; 0 = one per core"},
	{"module", 'm', "CELERIAC_MODULES", OPTION_LIST,
		offsetof(Config, modules), "FILE", NULL, 0, ',',
	"task module to load; repeatable"},
	{"program", 'p', "CELERIAC_PROGRAM", OPTION_LIST,
		offsetof(Config, program_specs), "TASK=COMMAND", NULL, 0, 0,
	"task that is a shell command with JSON on stdin and stdout; repeatable"},
	{"prefetch-multiplier", 0, "CELERIAC_PREFETCH_MULTIPLIER", OPTION_INT,
		offsetof(Config, prefetch_multiplier), "N", "4", 1, 0,
	"tasks to hold per child; grows by itself while tasks are short"},
	{"time-limit", 0, "CELERIAC_TIME_LIMIT", OPTION_SECONDS,
		offsetof(Config, time_limit), "SECONDS", "0", 0, 0,
	"kill tasks without a limit of their own after this; 0 = never"},
	{"soft-time-limit", 0, "CELERIAC_SOFT_TIME_LIMIT", OPTION_SECONDS,
		offsetof(Config, soft_time_limit), "SECONDS", "0", 0, 0,
	"ask them to stop after this; 0 = never"},
	{"max-tasks-per-child", 0, "CELERIAC_MAX_TASKS_PER_CHILD", OPTION_INT,
		offsetof(Config, max_tasks_per_child), "N", "0", 0, 0,
	"replace a child after so many tasks; 0 = never"},
	{"loglevel", 'l', "CELERIAC_LOGLEVEL", OPTION_TEXT,
		offsetof(Config, loglevel_name), "LEVEL", "WARNING", 0, 0,
	"DEBUG, INFO (a line per task), WARNING, ERROR or CRITICAL"},
	{"logfile", 'f', "CELERIAC_LOGFILE", OPTION_TEXT,
		offsetof(Config, logfile), "FILE", NULL, 0, 0,
	"log there instead of standard error; HUP reopens; %n, %h, %d, %p"},
	{"log-format", 0, "CELERIAC_LOG_FORMAT", OPTION_TEXT,
		offsetof(Config, log_format), "FORMAT", "text", 0, 0,
	"text or json"},
	{"pidfile", 0, "CELERIAC_PIDFILE", OPTION_TEXT,
		offsetof(Config, pidfile), "FILE", NULL, 0, 0,
	"write the process id there; %n, %h, %d, %p as above"},
	{"heartbeat-interval", 0, "CELERIAC_HEARTBEAT_INTERVAL", OPTION_SECONDS,
		offsetof(Config, heartbeat_interval), "SECONDS", "120", 0, 0,
	"time between heartbeats; 0 = none (the connection tells more)"},
	{0}
};

void
config_print_help(void)
{
	printf("Usage: celeriac worker [OPTION]...\n\n"
		   "Takes tasks from queues of a database that has the extension celeriac\n"
		   "and runs them in child processes.\n\n"
		   "Options [environment variable]:\n");
	option_print_help(config_options);
	printf("      --help                           print this and exit\n\n"
		   "Signals: TERM or INT stops when running tasks are done, a second one or\n"
		   "QUIT at once; HUP reopens the log file; USR1 logs what is going on.\n");
}

/*
 * Names
 */

static void
config_split_host(const char *host, Text *name, const char **domain)
{
	const char *dot = strchr(host, '.');

	name->data = host;
	name->length = dot ? (size_t) (dot - host) : strlen(host);
	*domain = dot ? dot + 1 : "";
}

static bool
config_expand_one(Buffer *out, char escape, const char *host,
				  const char *worker)
{
	Text		name;
	const char *domain;

	config_split_host(host, &name, &domain);
	if (worker != NULL)
		name = (Text) {worker, strcspn(worker, "@")};
	switch (escape)
	{
		case '%':
			buffer_append(out, "%", 1);
			return true;
		case 'h':
			buffer_append(out, host, strlen(host));
			return true;
		case 'n':
			buffer_append(out, name.data, name.length);
			return true;
		case 'd':
			buffer_append(out, domain, strlen(domain));
			return true;
		case 'p':
			if (worker == NULL)
				return false;
			buffer_append(out, worker, strlen(worker));
			return true;
	}
	return false;
}

char *
config_expand(const char *format, const char *host, const char *worker)
{
	Buffer		out = {0};

	for (const char *p = format; *p != '\0'; p++)
	{
		if (*p != '%')
			buffer_append(&out, p, 1);
		else if (!config_expand_one(&out, *++p, host, worker))
		{
			buffer_free(&out);
			return NULL;
		}
	}
	buffer_append(&out, "", 1);
	return out.data;
}

/*
 * Checks
 */

static bool
config_fail(char *error, size_t error_size, const char *what,
			const char *value)
{
	snprintf(error, error_size, "%s: \"%s\"", what, value);
	return false;
}

static bool
config_set_names(Config *config, char *error, size_t error_size)
{
	char		host[256] = "localhost";
	char	  **files[] = {&config->logfile, &config->pidfile};

	gethostname(host, sizeof(host) - 1);
	config->worker = config_expand(config->hostname, host, NULL);
	if (config->worker == NULL || *config->worker == '\0' ||
		strlen(config->worker) > CELERIAC_NAME_MAX)
		return config_fail(error, error_size,
						   "--hostname is no name for a worker",
						   config->hostname);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		char	   *expanded;

		if (*files[i] == NULL)
			continue;
		expanded = config_expand(*files[i], host, config->worker);
		if (expanded == NULL)
			return config_fail(error, error_size,
							   "unknown % escape in a file name", *files[i]);
		free(*files[i]);
		*files[i] = expanded;
	}
	return true;
}

static bool
config_set_log(Config *config, char *error, size_t error_size)
{
	if (!log_parse_level(config->loglevel_name, &config->loglevel))
		return config_fail(error, error_size,
						   "--loglevel must be DEBUG, INFO, WARNING, ERROR or CRITICAL, not",
						   config->loglevel_name);
	config->log_json = strcmp(config->log_format, "json") == 0;
	if (!config->log_json && strcmp(config->log_format, "text") != 0)
		return config_fail(error, error_size,
						   "--log-format must be text or json, not",
						   config->log_format);
	return true;
}

static bool
config_set_programs(Config *config, char *error, size_t error_size)
{
	size_t		count = (size_t) config->program_specs.count;

	config->programs = mem_zalloc(count * sizeof(Program));
	for (size_t i = 0; i < count; i++)
	{
		char	   *spec = config->program_specs.values[i];
		char	   *equals = strchr(spec, '=');
		Program    *program = &config->programs[i];

		if (equals == NULL || equals == spec || equals[1] == '\0')
			return config_fail(error, error_size,
							   "--program needs TASK=COMMAND, not", spec);
		program->name = mem_strdup(spec);
		program->name[equals - spec] = '\0';
		program->command = mem_strdup(equals + 1);
		config->nprograms++;
	}
	return true;
}

static bool
config_set_concurrency(Config *config, char *error, size_t error_size)
{
	if (config->concurrency == 0)
		config->concurrency = (int) sysconf(_SC_NPROCESSORS_ONLN);
	if (config->concurrency < 1)
		config->concurrency = 1;
	if (config->concurrency <= CONFIG_MAX_CONCURRENCY)
		return true;
	snprintf(error, error_size, "--concurrency must be at most %d, not %d",
			 CONFIG_MAX_CONCURRENCY, config->concurrency);
	return false;
}

ConfigResult
config_parse(Config *config, int argc, char **argv, char *error,
			 size_t error_size)
{
	bool		help;

	memset(config, 0, sizeof(*config));
	if (!option_parse(config_options, config, argc, argv, &help,
					  error, error_size))
		return CONFIG_ERROR;
	if (help)
		return CONFIG_HELP;
	if (!config_set_names(config, error, error_size) ||
		!config_set_log(config, error, error_size) ||
		!config_set_programs(config, error, error_size) ||
		!config_set_concurrency(config, error, error_size))
		return CONFIG_ERROR;
	if (config->soft_time_limit > 0 && config->time_limit > 0 &&
		config->soft_time_limit > config->time_limit)
	{
		snprintf(error, error_size,
				 "--soft-time-limit must not be greater than --time-limit");
		return CONFIG_ERROR;
	}
	return CONFIG_READY;
}

void
config_free(Config *config)
{
	for (size_t i = 0; i < config->nprograms; i++)
	{
		free(config->programs[i].name);
		free(config->programs[i].command);
	}
	free(config->programs);
	free(config->worker);
	option_free(config_options, config);
}
