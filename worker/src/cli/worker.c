/*
 * worker.c
 *		The command `celeriac worker`.
 */
#include "cli/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pool/config.h"
#include "pool/start.h"

void
worker_help(void)
{
	config_print_help();
}

static ExitCode
worker_start(const Config *config)
{
	if (log_open(config->logfile, config->loglevel, config->log_json))
		return start_worker(config);
	fprintf(stderr, "celeriac worker: cannot open log file %s: %s\n",
			config->logfile, strerror(errno));
	return EXIT_SYSTEM;
}

ExitCode
worker_command(int argc, char **argv)
{
	char		error[512];
	Config		config;
	ExitCode	code = EXIT_USAGE;

	switch (config_parse(&config, argc, argv, error, sizeof(error)))
	{
		case CONFIG_HELP:
			worker_help();
			code = EXIT_OK;
			break;
		case CONFIG_ERROR:
			fprintf(stderr, "celeriac worker: %s\nTry \"celeriac worker --help\".\n",
					error);
			break;
		case CONFIG_READY:
			code = worker_start(&config);
			break;
	}
	config_free(&config);
	return code;
}
