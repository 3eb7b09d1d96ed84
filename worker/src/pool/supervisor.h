/*
 * supervisor.h
 *		The supervisor: ties children, connections and signals together.
 */
#ifndef CELERIAC_WORKER_POOL_SUPERVISOR_H
#define CELERIAC_WORKER_POOL_SUPERVISOR_H

#include "base/exitcode.h"
#include "pool/catalog.h"
#include "pool/config.h"

/* Run until told to stop; returns what the process should exit with. */
extern ExitCode supervisor_run(const Config *config, const Catalog *catalog);

#endif							/* CELERIAC_WORKER_POOL_SUPERVISOR_H */
