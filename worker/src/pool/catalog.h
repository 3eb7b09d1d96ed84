/*
 *catalog.h
 *		Everything a worker can run: its modules and programs.
 */
#ifndef CELERIAC_WORKER_POOL_CATALOG_H
#define CELERIAC_WORKER_POOL_CATALOG_H

#include "pool/config.h"
#include "sdk/module.h"

typedef struct Catalog
{
	ModuleRegistry *modules;
	const Program *programs;	/* the configuration's */
	size_t		nprograms;
} Catalog;

/*
 * Load the modules and see that no task is defined twice.  False when this
 * cannot be; the log says why.  Free it in either case.
 */
extern bool catalog_load(Catalog *catalog, const Config *config);
extern void catalog_free(Catalog *catalog);

/* NULL when there is no such task. */
extern const ModuleTask *catalog_module_task(const Catalog *catalog, const char *name);
extern const Program *catalog_program(const Catalog *catalog, const char *name);

#endif							/* CELERIAC_WORKER_POOL_CATALOG_H */
