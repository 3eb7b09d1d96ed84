/*
 * main.c
 *		The celeriac program: its commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exitcode.h"
#include "base/log.h"
#include "pool/config.h"
#include "pool/supervisor.h"

typedef struct MainCommand
{
	const char *name;
	const char *help;
	ExitCode	(*run) (int argc, char **argv);
} MainCommand;

static ExitCode main_worker(int argc, char **argv);
static ExitCode main_help(int argc, char **argv);
static ExitCode main_version(int argc, char **argv);

static const MainCommand main_commands[] = {
	{"worker", "take tasks from queues and run them", main_worker},
	{"help", "print help, also on a command: celeriac help worker", main_help},
	{"version", "print the version", main_version},
	{0}
};

static const MainCommand *
main_find(const char *name)
{
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	else if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	for (const MainCommand *command = main_commands; command->name; command++)
		if (strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

static ExitCode
main_version(int argc, char **argv)
{
	(void) argc;
	(void) argv;
	printf("celeriac %s\n", CELERIAC_VERSION);
	return EXIT_OK;
}

static ExitCode
main_help(int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], "worker") == 0)
	{
		config_print_help();
		return EXIT_OK;
	}
	printf("celeriac: tasks from PostgreSQL\n\n"
		   "Usage: celeriac COMMAND [OPTION]...\n\nCommands:\n");
	for (const MainCommand *command = main_commands; command->name; command++)
		printf("  %-10s %s\n", command->name, command->help);
	printf("\n\"celeriac worker --help\" lists the worker's options.\n");
	return EXIT_OK;
}

/*
 * The worker command
 */

static ModuleRegistry *
main_load_modules(const Config *config)
{
	ModuleRegistry *modules = module_registry_new();
	char		error[1024] = "out of memory";

	if (modules == NULL)
		return NULL;
	for (int i = 0; i < config->modules.count; i++)
	{
		const char *path = config->modules.values[i];

		if (module_load(modules, path, error, sizeof(error)))
			continue;
		log_write(LOG_LEVEL_CRITICAL, "cannot load module %s: %s", path,
				  error);
		module_registry_free(modules);
		return NULL;
	}
	return modules;
}

static bool
main_check_programs(const Config *config, const ModuleRegistry *modules)
{
	for (size_t i = 0; i < config->nprograms; i++)
	{
		const char *name = config->programs[i].name;
		bool		twice = module_find(modules, name) != NULL;

		for (size_t j = 0; j < i; j++)
			twice = twice || strcmp(config->programs[j].name, name) == 0;
		if (!twice)
			continue;
		log_write(LOG_LEVEL_CRITICAL, "task \"%s\" is defined twice", name);
		return false;
	}
	return true;
}

/* True unless a pid file was wanted and cannot be written. */
static bool
main_write_pidfile(const char *path)
{
	FILE	   *file;

	if (path == NULL)
		return true;
	file = fopen(path, "we");
	if (file != NULL)
	{
		bool		written = fprintf(file, "%d\n", (int) getpid()) > 0;

		if (fclose(file) == 0 && written)
			return true;
	}
	log_write(LOG_LEVEL_CRITICAL, "cannot write the pid file %s: %s", path,
			  strerror(errno));
	return false;
}

static ExitCode
main_run_worker(const Config *config)
{
	ModuleRegistry *modules = main_load_modules(config);
	ExitCode	code;

	if (modules == NULL)
		return EXIT_MODULE;
	if (!main_check_programs(config, modules))
		code = EXIT_MODULE;
	else if (!main_write_pidfile(config->pidfile))
		code = EXIT_SYSTEM;
	else
	{
		code = supervisor_run(config, modules);
		if (config->pidfile != NULL)
			unlink(config->pidfile);
	}
	module_registry_free(modules);
	return code;
}

static ExitCode
main_worker(int argc, char **argv)
{
	char		error[512];
	Config		config;
	ExitCode	code = EXIT_USAGE;

	switch (config_parse(&config, argc, argv, error, sizeof(error)))
	{
		case CONFIG_HELP:
			config_print_help();
			code = EXIT_OK;
			break;
		case CONFIG_ERROR:
			fprintf(stderr, "celeriac worker: %s\nTry \"celeriac worker --help\".\n",
					error);
			break;
		case CONFIG_READY:
			if (log_open(config.logfile, config.loglevel, config.log_json))
				code = main_run_worker(&config);
			else
			{
				fprintf(stderr, "celeriac worker: cannot open log file %s: %s\n",
						config.logfile, strerror(errno));
				code = EXIT_SYSTEM;
			}
			break;
	}
	config_free(&config);
	return code;
}

int
main(int argc, char **argv)
{
	const MainCommand *command;

	if (argc < 2)
	{
		fprintf(stderr, "celeriac: no command given\nTry \"celeriac help\".\n");
		return EXIT_USAGE;
	}
	command = main_find(argv[1]);
	if (command == NULL)
	{
		fprintf(stderr, "celeriac: there is no command \"%s\"\nTry \"celeriac help\".\n",
				argv[1]);
		return EXIT_USAGE;
	}
	return command->run(argc - 2, argv + 2);
}
