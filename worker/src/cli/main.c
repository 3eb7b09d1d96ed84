/*
 * main.c
 *		The celeriac program: its commands.
 */
#include <stdio.h>
#include <string.h>

#include "base/exitcode.h"
#include "cli/worker.h"

typedef struct MainCommand
{
	const char *name;
	const char *summary;
	ExitCode	(*run) (int argc, char **argv);
	void		(*help) (void); /* NULL = the summary says it all */
} MainCommand;

static ExitCode main_help(int argc, char **argv);
static ExitCode main_version(int argc, char **argv);

static const MainCommand main_commands[] = {
	{"worker", "take tasks from queues and run them", worker_command, worker_help},
	{"help", "print help, also on a command: celeriac help worker", main_help, NULL},
	{"version", "print the version", main_version, NULL},
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
	const MainCommand *asked = argc > 0 ? main_find(argv[0]) : NULL;

	if (asked != NULL && asked->help != NULL)
	{
		asked->help();
		return EXIT_OK;
	}
	printf("celeriac: tasks from PostgreSQL\n\n"
		   "Usage: celeriac COMMAND [OPTION]...\n\nCommands:\n");
	for (const MainCommand *command = main_commands; command->name; command++)
		printf("  %-10s %s\n", command->name, command->summary);
	printf("\n\"celeriac worker --help\" lists the worker's options.\n");
	return EXIT_OK;
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
