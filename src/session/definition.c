/*
 * definition.c
 *		Task definitions and queues as this backend remembers them.
 */
#include "session/definition.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "base/attempt.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/json.h"
#include "base/row.h"
#include "sdk/map.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "session/readylist.h"
#include "shmem/database.h"

PG_FUNCTION_INFO_V1(celeriac_definition_changed);
PG_FUNCTION_INFO_V1(celeriac_queue_changed);

static MemoryContext cache_context = NULL;
static HTAB *definitions = NULL;
static HTAB *queues = NULL;
static uint64 cache_generation = 0;
static uint32 invalidations = 0;

/* Names come from senders, so there may be any number of them. */
#define MAX_CACHED	10000

/*
 * Sessions that wait for a queue are woken by the commit callback of the change,
 * and invalidation messages are sent only after that: this count tells the
 * sessions to look again.
 */
static uint32 seen_changes = 0;

#define UNSET(name, kind, definition, unset, send, signature) \
	CELERIAC_DEFINED_##definition(.name = unset,)

static const Definition builtin = {CELERIAC_TASK_OPTIONS(UNSET)};

static void
relation_changed(Datum arg, Oid relid)
{
	if (relid != InvalidOid && relid != CelExt.definition && relid != CelExt.queue)
		return;
	cache_generation = 0;
	invalidations++;
}

/* A definition names its function; the name may mean another one now. */
static void
function_changed(Datum arg, int cacheid, uint32 hash)
{
	cache_generation = 0;
	invalidations++;
}

void
celeriac_definition_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, function_changed, (Datum) 0);
}

static HTAB *
create_cache(const char *name, Size keysize, Size entrysize)
{
	HASHCTL		info = {
		.keysize = keysize,
		.entrysize = entrysize,
		.hcxt = cache_context
	};

	return hash_create(name, 64, &info, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* Start afresh when something changed, or the extension is another one. */
static void
check_cache(void)
{
	uint32		changes = pg_atomic_read_u32(&celeriac_my_database()->queue_changes);

	if (cache_generation == CelExt.generation && changes == seen_changes &&
		hash_get_num_entries(definitions) < MAX_CACHED &&
		hash_get_num_entries(queues) < MAX_CACHED)
		return;
	seen_changes = changes;
	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "celeriac definitions",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(cache_context);
	definitions = create_cache("celeriac definitions", CELERIAC_NAME_LEN,
							   sizeof(Definition));
	queues = create_cache("celeriac queues", CELERIAC_QUEUE_LEN, sizeof(QueueInfo));
	cache_generation = CelExt.generation;
}

/* The row of the statement just executed. */
static Row
first_row(void)
{
	Row			row = {SPI_tuptable->vals[0], SPI_tuptable->tupdesc};

	return row;
}

/*
 * The options of a row by their kinds
 */
static char *
load_text(const Row *row, int number)
{
	MemoryContext old = MemoryContextSwitchTo(cache_context);
	char	   *text = celeriac_row_text(row, number);

	MemoryContextSwitchTo(old);
	return text;
}

static TextList
load_texts(const Row *row, int number)
{
	TextList	list = {0};
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);
	Datum	   *items;
	bool	   *nulls;
	int			count;
	MemoryContext old;

	if (isnull)
		return list;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT,
					  &items, &nulls, &count);
	old = MemoryContextSwitchTo(cache_context);
	list.items = palloc0(count * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			list.items[list.count++] = TextDatumGetCString(items[i]);
	}
	MemoryContextSwitchTo(old);
	return list;
}

static int
load_integer(const Row *row, int number)
{
	return celeriac_row_int32(row, number, -1);
}

static bool
load_boolean(const Row *row, int number)
{
	return celeriac_row_bool(row, number, false);
}

static double
load_float8(const Row *row, int number)
{
	return celeriac_row_float8(row, number, 0);
}

#define load_interval load_float8

#define LOAD(name, kind, definition, unset, send, signature) \
	CELERIAC_DEFINED_##definition(def->name = load_##kind(&row, number++);)

typedef struct FunctionSearch
{
	const char *signature;
	Oid			function;
} FunctionSearch;

static void
search_function(void *argument)
{
	FunctionSearch *search = argument;

	search->function =
		DatumGetObjectId(DirectFunctionCall1(regprocedurein,
											 CStringGetDatum(search->signature)));
}

/*
 * InvalidOid when the signature means nothing any more.  To look it up is an
 * error when a type in it has gone, say; but one task must not keep all the
 * others of its queue from being fetched.
 */
static Oid
find_function(const char *signature)
{
	FunctionSearch search = {signature, InvalidOid};

	(void) celeriac_attempt(search_function, &search);
	return search.function;
}

static void
load_row(Definition *def)
{
	Row			row = first_row();
	char	   *signature = celeriac_row_text(&row, Anum_definition_function);
	int			number = Anum_definition_options;

	def->known = true;
	CELERIAC_TASK_OPTIONS(LOAD);
	def->inside = (signature != NULL);
	if (signature != NULL)
		def->function = find_function(signature);
}

const Definition *
celeriac_definition(const char *name)
{
	Definition	def = builtin;
	Definition *entry;
	Datum		value;
	uint32		seen;
	bool		found;

	check_cache();
	entry = hash_search(definitions, name, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;

	value = CStringGetTextDatum(name);
	strlcpy(def.name, name, sizeof(def.name));
	do
	{
		/* what commits after the snapshot may be announced before the end */
		seen = invalidations;
		found = celeriac_exec(STMT_DEFINITION, &value, NULL) > 0;
	} while (seen != invalidations);
	check_cache();
	if (found)
		load_row(&def);
	entry = hash_search(definitions, name, HASH_ENTER, NULL);
	*entry = def;
	return entry;
}

/* SQL tasks run in the executors, everything else outside. */
const char *
celeriac_definition_queue(const Definition *def)
{
	if (def->queue != NULL)
		return def->queue;
	return def->inside ? CELERIAC_SERVER_QUEUE : celeriac_default_queue;
}

static bool
is_standing_queue(const char *name)
{
	return strcmp(name, CELERIAC_SERVER_QUEUE) == 0 ||
		strcmp(name, "default") == 0 ||
		strcmp(name, celeriac_default_queue) == 0;
}

const QueueInfo *
celeriac_queue(const char *name)
{
	QueueInfo  *entry;
	Datum		value;
	uint32		changes;
	bool		known;
	bool		paused;

	check_cache();
	entry = hash_search(queues, name, HASH_FIND, NULL);
	if (entry != NULL)
		return entry;

	value = CStringGetTextDatum(name);
	do
	{
		changes = seen_changes;
		known = celeriac_exec(STMT_QUEUE, &value, NULL) > 0;
		paused = false;
		if (known)
		{
			Row			row = first_row();

			paused = celeriac_row_bool(&row, 1, false);
		}
		check_cache();
	} while (changes != seen_changes);
	entry = hash_search(queues, name, HASH_ENTER, NULL);
	entry->stored = known;
	entry->known = known || is_standing_queue(name);
	entry->paused = paused;
	return entry;
}

void
celeriac_require_queue(const char *name)
{
	if (!celeriac_queue(name)->known)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_UNKNOWN_QUEUE),
				 errmsg("queue \"%s\" does not exist", name),
				 errhint("A queue is created by the first task sent to it, or by task_queue_create.")));
}

void
celeriac_queue_ensure(const char *name)
{
	Datum		value;

	if (celeriac_queue(name)->stored)
		return;
	value = CStringGetTextDatum(name);
	celeriac_exec(STMT_QUEUE_CREATE, &value, NULL);
}

/*
 * Statement triggers on task_definition and task_queue: every backend's cache
 * is dropped when this commits, ours at the next command.
 */
Datum
celeriac_definition_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "celeriac_definition_changed must be called as a trigger");
	CacheInvalidateRelcache(trigdata->tg_relation);
	PG_RETURN_POINTER(NULL);
}

/* Row trigger: a queue that is not paused any more may hold ready tasks. */
Datum
celeriac_queue_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	HeapTuple	tuple;
	char	   *name;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "celeriac_queue_changed must be called as a trigger");
	tuple = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ?
		trigdata->tg_newtuple : trigdata->tg_trigtuple;
	name = SPI_getvalue(tuple, trigdata->tg_relation->rd_att, 1);
	celeriac_xact_queue_changed(name);
	return PointerGetDatum(tuple);
}

const char *
celeriac_defining_name(const char *name, Jsonb *kwargs)
{
	const char *task = map_is(name) ? celeriac_option_text(kwargs, "task") : NULL;

	return task != NULL ? task : name;
}

const Definition *
celeriac_definition_of(const Delivery *delivery)
{
	return celeriac_definition(celeriac_defining_name(delivery->name, delivery->kwargs));
}
