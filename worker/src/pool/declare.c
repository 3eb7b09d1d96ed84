/*
 * declare.c
 *		Telling the server of the tasks a worker has, with their options.
 *
 * Only options that a module set are named, so that the server's defaults
 * stand for the others.
 */
#include "pool/declare.h"

#include <stdlib.h>

#include "base/mem.h"
#include "celeriac/options.h"
#include "server/answer.h"

#define KIND_MEMBER(name, type) KIND_##name,
#define KIND_TYPE(name, type) [KIND_##name] = type,

typedef enum OptionKind
{
	CELERIAC_OPTION_KINDS(KIND_MEMBER)
} OptionKind;

static const char *const option_types[] = {CELERIAC_OPTION_KINDS(KIND_TYPE)};

typedef struct DeclareOption
{
	const char *name;			/* of the argument of task_define() */
	OptionKind	kind;
	size_t		offset;			/* in task_definition */
} DeclareOption;

#define DECLARE_OPTION(name, kind, definition, unset, send, signature) \
	CELERIAC_DECLARED_##definition({#name, KIND_##kind, offsetof(task_definition, name)},)

static const DeclareOption declare_options[] = {CELERIAC_TASK_OPTIONS(DECLARE_OPTION)};

#define DECLARE_OPTIONS (sizeof(declare_options) / sizeof(declare_options[0]))

static char *
declare_text(const char *text, bool list)
{
	if (text == NULL)
		return NULL;
	return list ? mem_printf("{%s}", text) : mem_strdup(text);
}

static char *
declare_int(int number, bool truth)
{
	if (number == TASK_UNSET)
		return NULL;
	return truth ? mem_strdup(number ? "true" : "false") : mem_printf("%d", number);
}

static char *
declare_double(double number, bool seconds)
{
	if (number == TASK_UNSET)
		return NULL;
	return mem_printf(seconds ? "%.15g s" : "%.15g", number);
}

/* The value as the server reads it, to be freed; NULL when it is not set. */
static char *
declare_value(const DeclareOption *option, const task_definition *definition)
{
	const void *value = (const char *) definition + option->offset;

	switch (option->kind)
	{
		case KIND_text:
		case KIND_texts:
			return declare_text(*(const char *const *) value, option->kind == KIND_texts);
		case KIND_integer:
		case KIND_boolean:
			return declare_int(*(const int *) value, option->kind == KIND_boolean);
		case KIND_float8:
		case KIND_interval:
			return declare_double(*(const double *) value, option->kind == KIND_interval);
		default:
			return NULL;		/* not in a module: no member has such a type */
	}
}

/* definition NULL: a program, which sets no option. */
static void
declare_task(Link *link, const char *name, const task_definition *definition)
{
	const char *params[1 + DECLARE_OPTIONS] = {name};
	char	   *values[DECLARE_OPTIONS] = {NULL};
	int			nparams = 1;
	Buffer		sql = {0};

	buffer_printf(&sql, "%s", STATEMENT_DEFINE_START);
	for (size_t i = 0; definition != NULL && i < DECLARE_OPTIONS; i++)
	{
		const DeclareOption *option = &declare_options[i];

		values[i] = declare_value(option, definition);
		if (values[i] == NULL)
			continue;
		params[nparams++] = values[i];
		buffer_printf(&sql, ", %s => $%d::%s", option->name, nparams,
					  option_types[option->kind]);
	}
	buffer_printf(&sql, "%s", STATEMENT_DEFINE_END);
	link_query(link, buffer_head(&sql), nparams, params, answer_ignore,
			   "declaring a task");
	for (size_t i = 0; i < DECLARE_OPTIONS; i++)
		free(values[i]);
	buffer_free(&sql);
}

void
declare_tasks(Link *link, const Catalog *catalog)
{
	for (size_t i = 0; i < module_task_count(catalog->modules); i++)
	{
		const ModuleTask *task = module_task_at(catalog->modules, i);

		declare_task(link, task->name, task->definition);
	}
	for (size_t i = 0; i < catalog->nprograms; i++)
		declare_task(link, catalog->programs[i].name, NULL);
}
