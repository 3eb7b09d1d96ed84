/*
 * worker.h
 *		The command `celeriac worker`.
 */
#ifndef CELERIAC_WORKER_CLI_WORKER_H
#define CELERIAC_WORKER_CLI_WORKER_H

#include "base/exitcode.h"

extern ExitCode worker_command(int argc, char **argv);
extern void worker_help(void);

#endif							/* CELERIAC_WORKER_CLI_WORKER_H */
