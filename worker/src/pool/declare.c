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
#include "server/answer.h"

typedef enum DeclareKind
{
	DECLARE_TEXT,
	DECLARE_TEXTS,				/* separated by commas */
	DECLARE_INT,
	DECLARE_TRUTH,
	DECLARE_DOUBLE,
	DECLARE_SECONDS
} DeclareKind;

static const char *const declare_types[] = {
	[DECLARE_TEXT] = "text",
	[DECLARE_TEXTS] = "text[]",
	[DECLARE_INT] = "integer",
	[DECLARE_TRUTH] = "boolean",
	[DECLARE_DOUBLE] = "float8",
	[DECLARE_SECONDS] = "interval",
};

typedef struct DeclareOption
{
	const char *name;			/* of the argument of task_define() */
	DeclareKind kind;
	size_t		offset;			/* in task_definition */
} DeclareOption;

#define DECLARE_OPTION(name, kind) {#name, kind, offsetof(task_definition, name)}

static const DeclareOption declare_options[] = {
	DECLARE_OPTION(queue, DECLARE_TEXT),
	DECLARE_OPTION(priority, DECLARE_INT),
	DECLARE_OPTION(max_retries, DECLARE_INT),
	DECLARE_OPTION(retry_delay, DECLARE_SECONDS),
	DECLARE_OPTION(retry_backoff, DECLARE_DOUBLE),
	DECLARE_OPTION(retry_backoff_max, DECLARE_SECONDS),
	DECLARE_OPTION(retry_jitter, DECLARE_TRUTH),
	DECLARE_OPTION(soft_time_limit, DECLARE_SECONDS),
	DECLARE_OPTION(time_limit, DECLARE_SECONDS),
	DECLARE_OPTION(acks_late, DECLARE_TRUTH),
	DECLARE_OPTION(max_deliveries, DECLARE_INT),
	DECLARE_OPTION(ignore_result, DECLARE_TRUTH),
	DECLARE_OPTION(track_started, DECLARE_TRUTH),
	DECLARE_OPTION(autoretry_for, DECLARE_TEXTS),
};

#define DECLARE_OPTIONS (sizeof(declare_options) / sizeof(declare_options[0]))

/* The value as the server reads it, to be freed; NULL when it is not set. */
static char *
declare_value(const DeclareOption *option, const task_definition *definition)
{
	const void *value = (const char *) definition + option->offset;
	const char *text = option->kind <= DECLARE_TEXTS ? *(const char *const *) value : NULL;
	int			whole = option->kind == DECLARE_INT || option->kind == DECLARE_TRUTH
		? *(const int *) value : TASK_UNSET;
	double		number = option->kind >= DECLARE_DOUBLE ? *(const double *) value
		: TASK_UNSET;

	if (text != NULL)
		return option->kind == DECLARE_TEXTS ? mem_printf("{%s}", text)
			: mem_strdup(text);
	if (whole != TASK_UNSET)
		return option->kind == DECLARE_INT ? mem_printf("%d", whole)
			: mem_strdup(whole ? "true" : "false");
	if (number != TASK_UNSET)
		return mem_printf(option->kind == DECLARE_SECONDS ? "%.15g s" : "%.15g",
						  number);
	return NULL;
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
					  declare_types[option->kind]);
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
