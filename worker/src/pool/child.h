/*
 * child.h
 *		A process of the pool: runs tasks one at a time.
 */
#ifndef CELERIAC_WORKER_POOL_CHILD_H
#define CELERIAC_WORKER_POOL_CHILD_H

#include "pool/page.h"
#include "pool/program.h"
#include "sdk/module.h"

/* Everything a worker can run. */
typedef struct Catalog
{
	ModuleRegistry *modules;
	Program    *programs;
	size_t		nprograms;
} Catalog;

extern bool catalog_knows(const Catalog *catalog, const char *name);

/* The child's main function: serves the socket until it is closed. */
extern void child_main(int socket, Page *page, const Catalog *catalog) __attribute__((noreturn));

#endif							/* CELERIAC_WORKER_POOL_CHILD_H */
