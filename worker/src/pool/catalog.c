/*
 *catalog.c
 *		Everything a worker can run: its modules and programs.
 */
#include "pool/catalog.h"

#include <string.h>

#include "base/log.h"

static bool
catalog_load_modules(Catalog *catalog, const Config *config)
{
	char		error[1024] = "out of memory";

	catalog->modules = module_registry_new();
	if (catalog->modules == NULL)
		return false;
	for (int i = 0; i < config->modules.count; i++)
	{
		const char *path = config->modules.values[i];

		if (module_load(catalog->modules, path, error, sizeof(error)))
			continue;
		log_write(LOG_LEVEL_CRITICAL, "cannot load module %s: %s", path,
				  error);
		return false;
	}
	return true;
}

/* Modules are checked against each other when they are loaded. */
static bool
catalog_check_programs(const Catalog *catalog)
{
	for (size_t i = 0; i < catalog->nprograms; i++)
	{
		const char *name = catalog->programs[i].name;

		if (catalog_module_task(catalog, name) == NULL &&
			catalog_program(catalog, name) == &catalog->programs[i])
			continue;
		log_write(LOG_LEVEL_CRITICAL, "task \"%s\" is defined twice", name);
		return false;
	}
	return true;
}

bool
catalog_load(Catalog *catalog, const Config *config)
{
	*catalog = (Catalog) {NULL, config->programs, config->nprograms};
	return catalog_load_modules(catalog, config) &&
		catalog_check_programs(catalog);
}

void
catalog_free(Catalog *catalog)
{
	if (catalog->modules != NULL)
		module_registry_free(catalog->modules);
}

const ModuleTask *
catalog_module_task(const Catalog *catalog, const char *name)
{
	return module_find(catalog->modules, name);
}

const Program *
catalog_program(const Catalog *catalog, const char *name)
{
	for (size_t i = 0; i < catalog->nprograms; i++)
		if (strcmp(catalog->programs[i].name, name) == 0)
			return &catalog->programs[i];
	return NULL;
}
