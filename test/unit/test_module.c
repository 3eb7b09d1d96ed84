/*
 * test_module.c
 *		module.c: loading modules, and refusing them with a reason.
 *
 * The modules are those of test/tasks and the two compile checks here, built
 * into the directory of this program.
 */
#include "sdk/module.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static char directory[PATH_MAX];

static bool
load(ModuleRegistry *registry, const char *file, char *error, size_t size)
{
	char		path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	error[0] = '\0';
	return module_load(registry, path, error, size);
}

static void
refuse(ModuleRegistry *registry, const char *file, const char *mentions)
{
	char		error[1024];
	size_t		before = module_task_count(registry);

	ok(!load(registry, file, error, sizeof(error)), "%s is refused", file);
	ok(strstr(error, mentions) != NULL, "... because of \"%s\": %s", mentions,
	   error);
	is_int((long long) module_task_count(registry), (long long) before,
		   "... and nothing of it is kept");
}

static void
test_definition(const ModuleRegistry *registry)
{
	const ModuleTask *task = module_find(registry, "sdk_c99.resize");

	if (!ok(task != NULL, "a task is found by its name"))
		return;
	is(task->definition->name, "resize", "its own name");
	is_int(task->definition->max_retries, 3, "an option that was set");
	is_int(task->definition->priority, TASK_UNSET, "one that was not");
	is_int(task->definition->acks_late, 0, "false is not unset");
	ok(task->definition->soft_time_limit == 30.0, "seconds");
	ok(task->definition->time_limit == TASK_UNSET, "seconds unset");

	task = module_find(registry, "sdk_cxx.scale");
	if (!ok(task != NULL, "a C++ module's task"))
		return;
	is_int(task->definition->max_retries, 4, "an option set in C++");
	is_int(task->definition->priority, TASK_UNSET, "one not set in C++");
	is(task->definition->queue, "media", "a text");
}

static void
find_directory(const char *program)
{
	char	   *slash;

	if (realpath(program, directory) == NULL)
		directory[0] = '\0';
	slash = strrchr(directory, '/');
	if (slash != NULL)
		*slash = '\0';
}

int
main(int argc, char **argv)
{
	ModuleRegistry *registry = module_registry_new();
	char		error[1024];

	(void) argc;
	find_directory(argv[0]);
	ok(module_find(registry, "noop.noop") == NULL, "nothing is loaded yet");
	ok(load(registry, "noop.so", error, sizeof(error)), "a module loads %s",
	   error);
	ok(load(registry, "sdk_c99.so", error, sizeof(error)), "a C99 module loads %s",
	   error);
	ok(load(registry, "sdk_cxx.so", error, sizeof(error)), "a C++ module loads %s",
	   error);
	is_int((long long) module_task_count(registry), 5, "number of tasks");
	for (size_t i = 1; i < module_task_count(registry); i++)
		ok(strcmp(module_task_at(registry, i - 1)->name,
				  module_task_at(registry, i)->name) < 0, "in order: %s",
		   module_task_at(registry, i)->name);
	ok(module_task_at(registry, 5) == NULL, "no task behind the last");
	ok(module_find(registry, "noop.missing") == NULL, "no such task");
	test_definition(registry);

	refuse(registry, "bad_abi.so", "ABI version 9999");
	refuse(registry, "no_module.so", "not a task module");
	refuse(registry, "missing.so", "No such file");
	refuse(registry, "noop.so", "registered already");
	module_registry_free(registry);
	module_registry_free(NULL);
	return tap_done();
}
