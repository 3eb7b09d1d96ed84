/*
 * module.h
 *		Loading task modules and finding tasks by name.
 *
 * Used by `celeriac worker` and by the executors inside the server.  All state
 * is in the registry object; errors come back as text.
 */
#ifndef CELERIAC_WORKER_SDK_MODULE_H
#define CELERIAC_WORKER_SDK_MODULE_H

#include "celeriac/task.h"

/* A task that a loaded module offers. */
typedef struct ModuleTask
{
	char	   *name;			/* "module.task" */
	const task_definition *definition;
} ModuleTask;

typedef struct ModuleRegistry ModuleRegistry;

/* NULL without memory. */
extern ModuleRegistry *module_registry_new(void);

/* Unloads the modules, so no pointer into them may be left. */
extern void module_registry_free(ModuleRegistry *registry);

/*
 * Load a module and register its tasks: all of them or, when anything is
 * wrong, none; then the reason is in error.  The path is not searched for.
 */
extern bool module_load(ModuleRegistry *registry, const char *path,
						char *error, size_t error_size);

/* NULL when no module has such a task. */
extern const ModuleTask *module_find(const ModuleRegistry *registry,
									 const char *name);

/* All tasks, in order of their names. */
extern size_t module_task_count(const ModuleRegistry *registry);
extern const ModuleTask *module_task_at(const ModuleRegistry *registry,
										size_t index);

#endif							/* CELERIAC_WORKER_SDK_MODULE_H */
