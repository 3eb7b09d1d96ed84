/*
 * guc.c
 *		The settings, celeriac.*, as tables.
 *
 * Those that size shared memory need a restart; the rest a reload.
 */
#include "base/guc.h"

#include <limits.h>

#include "utils/guc.h"

#include "base/namelist.h"

int			celeriac_executors;
char	   *celeriac_queues;
char	   *celeriac_default_queue;
char	   *celeriac_modules;
bool		celeriac_allow_error_cb_on_chord_header;
int			celeriac_result_expires;
int			celeriac_max_claims;
int			celeriac_max_workers;
int			celeriac_max_databases;
int			celeriac_max_queues;
int			celeriac_attach_grace;
int			celeriac_executor_idle_timeout;

typedef struct IntSetting
{
	const char *name;
	const char *summary;
	const char *detail;
	int		   *variable;
	int			start;
	int			min;
	int			max;
	GucContext	context;
	int			flags;
} IntSetting;

typedef struct StringSetting
{
	const char *name;
	const char *summary;
	const char *detail;
	char	  **variable;
	const char *start;
	GucContext	context;
	int			flags;
	GucStringCheckHook check;
} StringSetting;

static const IntSetting int_settings[] = {
	{"celeriac.executors",
		"Most executors that run SQL tasks in one database.",
		"One is kept warm; the others start when tasks wait and leave when idle.",
	&celeriac_executors, 2, 0, 1024, PGC_SIGHUP, 0},
	{"celeriac.executor_idle_timeout",
		"Time after which an executor without work leaves, unless it is the last.",
		NULL,
	&celeriac_executor_idle_timeout, 60000, 100, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
	{"celeriac.result_expires",
		"Time after which finished tasks are removed.",
		"0 keeps them for ever.",
	&celeriac_result_expires, 86400, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S},
	{"celeriac.attach_grace",
		"After a server crash: how long dispatch waits for known workers to report what they run.",
		NULL,
	&celeriac_attach_grace, 5000, 0, 600000, PGC_SIGHUP, GUC_UNIT_MS},
	{"celeriac.max_claims",
		"Most tasks claimed by connected workers at one time, in the whole cluster.",
		NULL,
	&celeriac_max_claims, 65536, 1024, 16 * 1024 * 1024, PGC_POSTMASTER, 0},
	{"celeriac.max_workers",
		"Most workers known by name at one time.",
		NULL,
	&celeriac_max_workers, 1024, 16, 65536, PGC_POSTMASTER, 0},
	{"celeriac.max_databases",
		"Most databases looked after at one time.",
		NULL,
	&celeriac_max_databases, 128, 1, 65536, PGC_POSTMASTER, 0},
	{"celeriac.max_queues",
		"Most queues whose dispatch positions are remembered at one time.",
		"Those that nobody fetches from make room.",
	&celeriac_max_queues, 4096, 64, 1024 * 1024, PGC_POSTMASTER, 0},
};

static const StringSetting string_settings[] = {
	{"celeriac.queues",
		"Queues that the executors serve, separated by commas.",
		NULL,
	&celeriac_queues, "server", PGC_SIGHUP, GUC_LIST_INPUT, celeriac_check_queue_list},
	{"celeriac.default_queue",
		"Queue of tasks that run outside the server and name none.",
		"Celery: task_default_queue.",
	&celeriac_default_queue, "default", PGC_USERSET, 0, celeriac_check_queue_setting},
	{"celeriac.modules",
		"C modules that executors load, separated by commas.",
		"A fault in a module can crash the server, as with any C function.",
		&celeriac_modules, "", PGC_POSTMASTER, GUC_LIST_INPUT | GUC_SUPERUSER_ONLY,
	celeriac_check_module_list},
};

void
celeriac_guc_init(void)
{
	for (int i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *s = &int_settings[i];

		DefineCustomIntVariable(s->name, s->summary, s->detail, s->variable,
								s->start, s->min, s->max, s->context, s->flags,
								NULL, NULL, NULL);
	}
	for (int i = 0; i < lengthof(string_settings); i++)
	{
		const StringSetting *s = &string_settings[i];

		DefineCustomStringVariable(s->name, s->summary, s->detail, s->variable,
								   s->start, s->context, s->flags,
								   s->check, NULL, NULL);
	}
	DefineCustomBoolVariable("celeriac.allow_error_cb_on_chord_header",
							 "Errbacks of a chord are called for the tasks of its header too.",
							 "Celery: task_allow_error_cb_on_chord_header.",
							 &celeriac_allow_error_cb_on_chord_header, false,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("celeriac");
}
