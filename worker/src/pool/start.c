/*
 * start.c
 *		From a configuration to a running supervisor.
 */
#include "pool/start.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "pool/catalog.h"
#include "pool/supervisor.h"

/* True unless a pid file was wanted and cannot be written. */
static bool
start_write_pidfile(const char *path)
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
start_supervisor(const Config *config, const Catalog *catalog)
{
	ExitCode	code;

	if (!start_write_pidfile(config->pidfile))
		return EXIT_SYSTEM;
	code = supervisor_run(config, catalog);
	if (config->pidfile != NULL)
		unlink(config->pidfile);
	return code;
}

ExitCode
start_worker(const Config *config)
{
	Catalog		catalog;
	ExitCode	code = EXIT_MODULE;

	if (catalog_load(&catalog, config))
		code = start_supervisor(config, &catalog);
	catalog_free(&catalog);
	return code;
}
