/*
 * start.h
 *		From a configuration to a running supervisor.
 */
#ifndef CELERIAC_WORKER_POOL_START_H
#define CELERIAC_WORKER_POOL_START_H

#include "base/exitcode.h"
#include "pool/config.h"

/* Run until told to stop; returns what the process should exit with. */
extern ExitCode start_worker(const Config *config);

#endif							/* CELERIAC_WORKER_POOL_START_H */
