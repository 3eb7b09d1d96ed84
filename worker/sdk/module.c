/*
 * module.c
 *		Loading task modules and finding tasks by name.
 *
 * A module is a shared library exporting one object, celeriac_task_module.  It
 * is looked at before it is believed: ABI, sizes, names.  RTLD_LOCAL keeps two
 * modules from seeing each other's symbols, RTLD_NOW makes a missing symbol an
 * error at start instead of a crash at noon.
 */
#include "sdk/module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ModuleRegistry
{
	void	  **handles;		/* of dlopen */
	size_t		nhandles;
	ModuleTask *tasks;			/* sorted by name */
	size_t		ntasks;
};

static bool module_error(char *error, size_t error_size, const char *format,...)
			TASK_PRINTF(3, 4);

/* Say why; always false, so that callers can return it. */
static bool
module_error(char *error, size_t error_size, const char *format,...)
{
	va_list		ap;

	va_start(ap, format);
	vsnprintf(error, error_size, format, ap);
	va_end(ap);
	return false;
}

ModuleRegistry *
module_registry_new(void)
{
	return calloc(1, sizeof(ModuleRegistry));
}

void
module_registry_free(ModuleRegistry *registry)
{
	size_t		i;

	if (registry == NULL)
		return;
	for (i = 0; i < registry->ntasks; i++)
		free(registry->tasks[i].name);
	for (i = 0; i < registry->nhandles; i++)
		dlclose(registry->handles[i]);
	free(registry->tasks);
	free(registry->handles);
	free(registry);
}

/*
 * Looking at a module
 */

/* Task and module names end up in SQL and in log lines: keep them plain. */
static bool
module_name_valid(const char *name)
{
	if (name == NULL || *name == '\0' || strlen(name) > 200)
		return false;
	for (; *name != '\0'; name++)
	{
		if ((unsigned char) *name <= ' ' || *name == 0x7f)
			return false;
	}
	return true;
}

static bool
module_check_tasks(const task_module *module, char *error, size_t error_size)
{
	size_t		i;

	for (i = 0; i < module->ntasks; i++)
	{
		const task_definition *definition = &module->tasks[i];

		if (!module_name_valid(definition->name))
			return module_error(error, error_size,
								"its task number %zu has no valid name", i + 1);
		if (definition->run == NULL)
			return module_error(error, error_size,
								"its task \"%s\" has no function",
								definition->name);
	}
	return true;
}

static bool
module_check(const task_module *module, char *error, size_t error_size)
{
	if (module->abi_version != TASK_ABI_VERSION)
		return module_error(error, error_size,
							"it was compiled for task ABI version %u, this is version %u",
							module->abi_version, (unsigned) TASK_ABI_VERSION);
	if (module->definition_size != sizeof(task_definition))
		return module_error(error, error_size,
							"its task definitions have %u bytes, not %zu",
							module->definition_size, sizeof(task_definition));
	if (!module_name_valid(module->name))
		return module_error(error, error_size, "it has no valid name");
	if (module->ntasks == 0)
		return module_error(error, error_size, "it has no tasks");
	return module_check_tasks(module, error, error_size);
}

/*
 * Registry
 */

static int
module_compare(const void *a, const void *b)
{
	return strcmp(((const ModuleTask *) a)->name,
				  ((const ModuleTask *) b)->name);
}

static bool
module_add_task(ModuleRegistry *registry, const task_module *module,
				const task_definition *definition)
{
	size_t		size = strlen(module->name) + strlen(definition->name) + 2;
	char	   *name = malloc(size);

	if (name == NULL)
		return false;
	snprintf(name, size, "%s.%s", module->name, definition->name);
	registry->tasks[registry->ntasks].name = name;
	registry->tasks[registry->ntasks].definition = definition;
	registry->ntasks++;
	return true;
}

/* Take back the tasks added after the first ntasks, before they were sorted. */
static void
module_forget(ModuleRegistry *registry, size_t ntasks)
{
	while (registry->ntasks > ntasks)
		free(registry->tasks[--registry->ntasks].name);
}

static const char *
module_find_duplicate(const ModuleRegistry *registry, size_t first_new)
{
	size_t		i;
	size_t		j;

	for (i = first_new; i < registry->ntasks; i++)
		for (j = 0; j < i; j++)
			if (strcmp(registry->tasks[i].name, registry->tasks[j].name) == 0)
				return registry->tasks[i].name;
	return NULL;
}

static bool
module_register(ModuleRegistry *registry, const task_module *module,
				char *error, size_t error_size)
{
	size_t		before = registry->ntasks;
	ModuleTask *tasks;
	const char *duplicate;
	size_t		i;

	tasks = realloc(registry->tasks,
					(before + module->ntasks) * sizeof(ModuleTask));
	if (tasks == NULL)
		return module_error(error, error_size, "out of memory");
	registry->tasks = tasks;

	for (i = 0; i < module->ntasks; i++)
	{
		if (!module_add_task(registry, module, &module->tasks[i]))
		{
			module_forget(registry, before);
			return module_error(error, error_size, "out of memory");
		}
	}

	duplicate = module_find_duplicate(registry, before);
	if (duplicate != NULL)
	{
		module_error(error, error_size, "task \"%s\" is registered already",
					 duplicate);
		module_forget(registry, before);
		return false;
	}
	qsort(registry->tasks, registry->ntasks, sizeof(ModuleTask),
		  module_compare);
	return true;
}

/*
 * dlopen() searches the system's library path for a name without a slash,
 * which is never what somebody naming a file means.
 */
static void *
module_open(const char *path)
{
	char		local[4096];

	if (strchr(path, '/') == NULL)
	{
		snprintf(local, sizeof(local), "./%s", path);
		path = local;
	}
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* Make room for one more handle, so that keeping it cannot fail. */
static bool
module_reserve_handle(ModuleRegistry *registry)
{
	void	  **handles = realloc(registry->handles,
								  (registry->nhandles + 1) * sizeof(void *));

	if (handles != NULL)
		registry->handles = handles;
	return handles != NULL;
}

bool
module_load(ModuleRegistry *registry, const char *path,
			char *error, size_t error_size)
{
	const task_module *module;
	void	   *handle;

	if (!module_reserve_handle(registry))
		return module_error(error, error_size, "out of memory");
	handle = module_open(path);
	if (handle == NULL)
		return module_error(error, error_size, "%s", dlerror());

	module = dlsym(handle, TASK_MODULE_SYMBOL);
	if (module == NULL)
		module_error(error, error_size,
					 "%s is not a task module: it does not export \"%s\" (see TASK_MODULE in celeriac/task.h)",
					 path, TASK_MODULE_SYMBOL);
	else if (module_check(module, error, error_size) &&
			 module_register(registry, module, error, error_size))
	{
		registry->handles[registry->nhandles++] = handle;
		return true;
	}
	dlclose(handle);
	return false;
}

const ModuleTask *
module_find(const ModuleRegistry *registry, const char *name)
{
	ModuleTask	key = {.name = (char *) name};

	if (registry->ntasks == 0)
		return NULL;
	return bsearch(&key, registry->tasks, registry->ntasks,
				   sizeof(ModuleTask), module_compare);
}

size_t
module_task_count(const ModuleRegistry *registry)
{
	return registry->ntasks;
}

const ModuleTask *
module_task_at(const ModuleRegistry *registry, size_t index)
{
	return index < registry->ntasks ? &registry->tasks[index] : NULL;
}
