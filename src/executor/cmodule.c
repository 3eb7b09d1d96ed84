/*
 * cmodule.c
 *		C task modules inside executors (celeriac.modules).
 *
 * A module is the same file that `celeriac worker` loads, and knows nothing of
 * the server.  Its code runs in the executor's process, so a fault in it takes
 * the server down for a moment; only a superuser names modules.
 *
 * A task of a module runs outside any transaction: what it reports on its way
 * is committed at once.  It is asked to stop, by task_soft_limit_reached() and
 * task_revoked(), but cannot be made to: limits end only what checks them.
 *
 * The SDK calls us back from below the module's frames, over which no error
 * may jump.
 */
#include "executor/cmodule.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "base/delivery.h"
#include "base/guc.h"
#include "base/namelist.h"
#include "base/uuid.h"
#include "executor/stop.h"
#include "executor/verdict.h"
#include "finish/children.h"
#include "process/bgw.h"
#include "sdk/host.h"
#include "sdk/map.h"
#include "sdk/module.h"
#include "sdk/sdk.h"
#include "sdk/states.h"
#include "session/identity.h"
#include "shmem/claim.h"

static ModuleRegistry *registry = NULL;

/*
 * From the database's encoding.  It is looked up at the start, because tasks of
 * modules run outside of transactions.
 */
static FmgrInfo to_utf8;

/* A name without a slash stands for a file in the server's library directory. */
static char *
module_path(const char *name)
{
	size_t		length = strlen(name);
	size_t		suffix = strlen(DLSUFFIX);
	bool		complete = length > suffix && strcmp(name + length - suffix, DLSUFFIX) == 0;

	if (strchr(name, '/') != NULL)
		return pstrdup(name);
	return psprintf("%s/%s%s", pkglib_path, name, complete ? "" : DLSUFFIX);
}

static void
load_one(const char *name)
{
	char	   *path = module_path(name);
	char		reason[1024];

	if (!module_load(registry, path, reason, sizeof(reason)))
		ereport(LOG,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("could not load task module \"%s\": %s", path, reason),
				 errdetail("Its tasks will end as NotRegistered.")));
}

static void
find_conversion(void)
{
	Oid			proc;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return;
	celeriac_bgw_begin("celeriac: starting");
	proc = FindDefaultConversionProc(GetDatabaseEncoding(), PG_UTF8);
	if (!OidIsValid(proc))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("there is no conversion from %s to UTF8", GetDatabaseEncodingName())));
	fmgr_info_cxt(proc, &to_utf8, TopMemoryContext);
	celeriac_bgw_commit();
}

void
celeriac_cmodule_load(void)
{
	List	   *names = celeriac_module_list(celeriac_modules);
	ListCell   *cell;

	if (names == NIL)
		return;
	find_conversion();
	registry = module_registry_new();
	if (registry == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	foreach(cell, names)
		load_one(lfirst(cell));
}

/*
 * Modules speak UTF-8, whatever the database's encoding.  In it, text is without
 * an encoding in a database in SQL_ASCII, and others have characters that UTF-8
 * has not.  Then this returns NULL: where it is called no error can be caught.
 */
static const char *
module_text(const char *text)
{
	size_t		length = strlen(text);
	char	   *converted;
	int			done;

	if (GetDatabaseEncoding() == PG_UTF8)
		return text;
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return pg_verify_mbstr(PG_UTF8, text, length, true) ? text : NULL;
	converted = palloc_extended(length * MAX_CONVERSION_GROWTH + 1, MCXT_ALLOC_HUGE);
	done = DatumGetInt32(FunctionCall6(&to_utf8, Int32GetDatum(GetDatabaseEncoding()), Int32GetDatum(PG_UTF8),
									   CStringGetDatum(text), CStringGetDatum(converted),
									   Int32GetDatum(length), BoolGetDatum(true)));
	return done == length ? converted : NULL;
}

const ModuleTask *
celeriac_cmodule_find(const char *name)
{
	const char *text = registry == NULL ? NULL : module_text(name);

	return text == NULL ? NULL : module_find(registry, text);
}

/* The other way, in a transaction; raises what the database cannot hold. */
static char *
server_text(const char *text)
{
	return text == NULL ? NULL : pg_any_to_server(text, strlen(text), PG_UTF8);
}

/*
 * What the SDK asks of its host
 */
static void
write_state(const Delivery *delivery, const char *state, const char *info)
{
	CelContext	context;
	Oid			types[] = {UUIDOID, TEXTOID, JSONBOID};
	Datum		values[3] = {UUIDPGetDatum(&delivery->id), CStringGetTextDatum(state)};
	char		nulls[] = {' ', ' ', info == NULL ? 'n' : ' ', '\0'};

	if (info != NULL)
		values[2] = DirectFunctionCall1(jsonb_in, CStringGetDatum(server_text(info)));
	celeriac_enter_worker(&context);
	if (SPI_execute_with_args("SELECT task_update_state($1, $2, $3)", 3, types,
							  values, nulls, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not call task_update_state");
	celeriac_leave(&context);
}

/* In a transaction of its own, so that it can be seen at once. */
static bool
host_update_state(void *data, const char *state, const char *info)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool ok = false;

	/* modules learn by asking that they should stop, not by this failing */
	QueryCancelPending = false;
	PG_TRY();
	{
		celeriac_bgw_begin("celeriac: task state");
		write_state(data, state, info);
		celeriac_bgw_commit();
		ok = true;
	}
	PG_CATCH();
	{
		celeriac_bgw_recover();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	return ok;
}

static void
host_log(void *data, task_log_level level, const char *message)
{
	static const int elevels[] = {
		[TASK_LOG_DEBUG] = DEBUG1,
		[TASK_LOG_INFO] = LOG,
		[TASK_LOG_WARNING] = LOG,
		[TASK_LOG_ERROR] = LOG
	};
	const Delivery *delivery = data;

	ereport(elevels[level],
			(errmsg("task %s[%s]: %s", delivery->name,
					celeriac_uuid_text(&delivery->id), message)));
}

static bool
host_revoked(void *data)
{
	const Delivery *delivery = data;
	Claim		claim;

	return celeriac_stop_requested() ||
		(celeriac_claim_get(&delivery->id, &claim) && claim.revoked);
}

static bool
host_soft_limit_reached(void *data)
{
	return celeriac_stop_soft_reached();
}

/*
 * Running one
 */
static bool
set_text(const char **place, const char *text)
{
	*place = module_text(text);
	return *place != NULL;
}

static bool
set_json(const char **place, Jsonb *json)
{
	return json == NULL || set_text(place, JsonbToCString(NULL, &json->root, VARSIZE(json)));
}

/* False when some of it cannot be said in UTF-8. */
static bool
fill_input(SdkInput *input, const Delivery *d)
{
	memset(input, 0, sizeof(*input));
	input->id = celeriac_uuid_text(&d->id);
	input->root_id = d->has_root ? celeriac_uuid_text(&d->root_id) : NULL;
	input->parent_id = d->has_parent ? celeriac_uuid_text(&d->parent_id) : NULL;
	input->group_id = d->has_group ? celeriac_uuid_text(&d->group_id) : NULL;
	input->priority = d->priority;
	input->retries = d->retries;
	input->max_retries = d->max_retries;
	input->delivery = d->delivery;
	return set_text(&input->name, d->name) && set_text(&input->queue, d->queue) &&
		set_json(&input->args, d->args) && set_json(&input->kwargs, d->kwargs) &&
		set_json(&input->options, d->options);
}

static char *
copy_text(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

static void
read_outcome(const SdkOutcome *from, Outcome *outcome, ModuleText *text)
{
	outcome->state = sdk_outcome_state(from);
	outcome->countdown = from->status == TASK_RETRY ? from->countdown : -1;
	outcome->exc_type = copy_text(from->exc_type);
	outcome->exc_message = copy_text(from->exc_message);
	if (from->status == TASK_SUCCESS || from->status == TASK_REPLACED)
		text->result = copy_text(from->result);
	text->sent = copy_text(from->sent);
}

static Jsonb *
read_json(const char *text)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(server_text(text))));
}

/* What comes of it outlives the SPI connection. */
static void
accept_sent(Outcome *outcome, Jsonb *sent)
{
	MemoryContext caller = CurrentMemoryContext;
	CelContext	context;

	celeriac_enter_worker(&context);
	MemoryContextSwitchTo(caller);
	celeriac_children_read(outcome, sent);
	celeriac_leave(&context);
}

void
celeriac_cmodule_accept(Outcome *outcome, const ModuleText *text)
{
	outcome->exc_type = server_text(outcome->exc_type);
	outcome->exc_message = server_text(outcome->exc_message);
	if (text->result != NULL)
		outcome->result = read_json(text->result);
	if (text->sent != NULL)
		accept_sent(outcome, read_json(text->sent));
}

void
celeriac_cmodule_run(const ModuleTask *task, const Delivery *delivery,
					 Outcome *outcome, ModuleText *text)
{
	SdkHost		host = {
		.update_state = host_update_state,
		.log = host_log,
		.revoked = host_revoked,
		.soft_limit_reached = host_soft_limit_reached,
		.data = unconstify(Delivery *, delivery)
	};
	SdkInput	input;
	SdkOutcome	from;

	if (!fill_input(&input, delivery))
	{
		celeriac_end_with(outcome, OUTCOME_FAILURE, EXC_ENCODE, NOT_UTF8);
		return;
	}
	if (map_is(input.name))
		map_run(&host, &input, task->definition, &from);
	else
		sdk_run(&host, &input, task->definition->run, &from);
	read_outcome(&from, outcome, text);
	sdk_outcome_free(&from);
}
