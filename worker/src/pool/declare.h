/*
 * declare.h
 *		Telling the server of the tasks a worker has, with their options.
 */
#ifndef CELERIAC_WORKER_POOL_DECLARE_H
#define CELERIAC_WORKER_POOL_DECLARE_H

#include "pool/catalog.h"
#include "server/link.h"

/* Declare them all; errors are logged. */
extern void declare_tasks(Link *link, const Catalog *catalog);

#endif							/* CELERIAC_WORKER_POOL_DECLARE_H */
