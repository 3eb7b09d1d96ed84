/*
 * catalog.c
 *		Entering the extension: its schema and owner, its prepared statements.
 *
 * What we know of the extension is looked up once per backend and again when
 * it was dropped and created anew, which shows as another relation behind the
 * name task_message.  Prepared statements belong to one such identity.
 */
#include "catalog.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/plancat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "errors.h"
#include "shmem.h"

CelCatalog	CelCat;

static SPIPlanPtr plans[STMT_COUNT];

static void
forget_plans(void)
{
	for (int i = 0; i < STMT_COUNT; i++)
	{
		if (plans[i] != NULL)
			SPI_freeplan(plans[i]);
		plans[i] = NULL;
	}
}

static Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static Oid
require_relation(const char *name)
{
	Oid			relid = get_relname_relid(name, CelCat.namespace_oid);

	if (!OidIsValid(relid))
		elog(ERROR, "celeriac's relation \"%s\" is missing", name);
	return relid;
}

/* The parent, which is segment 0, and its children. */
static void
require_segments(const char *parent, Oid *segments, int count)
{
	segments[0] = require_relation(parent);
	for (int i = 1; i < count; i++)
		segments[i] = require_relation(psprintf("%s_%d", parent, i));
}

static Oid
require_type(const char *name)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									   CStringGetDatum(name),
									   ObjectIdGetDatum(CelCat.namespace_oid));

	if (!OidIsValid(type))
		elog(ERROR, "celeriac's type \"%s\" is missing", name);
	return type;
}

static void
load_catalog(Oid namespace_oid)
{
	uint64		generation = CelCat.generation + 1;

	forget_plans();
	memset(&CelCat, 0, sizeof(CelCat));
	CelCat.namespace_oid = namespace_oid;
	strlcpy(CelCat.namespace_name, get_namespace_name(namespace_oid), NAMEDATALEN);
	require_segments("task_message", CelCat.messages, CEL_MESSAGE_SEGMENTS);
	require_segments("task_result", CelCat.results, CEL_RESULT_SEGMENTS);
	CelCat.owner = relation_owner(CelCat.messages[0]);
	CelCat.queue = require_relation("task_queue");
	CelCat.definition = require_relation("task_definition");
	CelCat.edge = require_relation("task_edge");
	CelCat.ready_seq = require_relation("task_ready_seq");
	CelCat.delivery_type = require_type("task_delivery");
	CelCat.outcome_type = require_type("task_outcome");
	CelCat.generation = generation;
}

/* The schema is that of the function by which we were called. */
void
celeriac_catalog_use(FunctionCallInfo fcinfo)
{
	Oid			namespace_oid = get_func_namespace(fcinfo->flinfo->fn_oid);
	Oid			message;

	celeriac_shmem_require();
	message = get_relname_relid("task_message", namespace_oid);
	if (!OidIsValid(message))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"celeriac\" is not complete in schema \"%s\"",
						get_namespace_name(namespace_oid))));
	if (CelCat.messages[0] != message || CelCat.namespace_oid != namespace_oid)
		load_catalog(namespace_oid);
}

static Oid
extension_schema(void)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(CELERIAC_LIBRARY));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return schema;
}

/* For background workers: false when this database has no celeriac. */
bool
celeriac_catalog_lookup(void)
{
	Oid			namespace_oid = extension_schema();
	Oid			message;

	if (!OidIsValid(namespace_oid))
		return false;
	message = get_relname_relid("task_message", namespace_oid);
	if (!OidIsValid(message))
		return false;
	if (CelCat.messages[0] != message || CelCat.namespace_oid != namespace_oid)
		load_catalog(namespace_oid);
	return true;
}

static void
enter(CelContext *context)
{
	MemoryContext caller = CurrentMemoryContext;

	celeriac_gate_pass();
	GetUserIdAndSecContext(&context->caller, &context->sec_context);
	SetUserIdAndSecContext(CelCat.owner,
						   context->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	context->path_level = celeriac_push_search_path(quote_identifier(CelCat.namespace_name));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(caller);
}

void
celeriac_enter(CelContext *context, FunctionCallInfo fcinfo)
{
	celeriac_catalog_use(fcinfo);
	enter(context);
}

void
celeriac_enter_worker(CelContext *context)
{
	enter(context);
}

void
celeriac_leave(CelContext *context)
{
	MemoryContext caller = CurrentMemoryContext;

	SPI_finish();
	MemoryContextSwitchTo(caller);
	celeriac_pop_search_path(context->path_level);
	SetUserIdAndSecContext(context->caller, context->sec_context);
}

static void
prepare(CelStatement statement)
{
	const CelStatementText *text = &celeriac_statements[statement];
	Oid		   *types = unconstify(CelStatementText *, text)->types;
	SPIPlanPtr	plan;

	plan = SPI_prepare_cursor(text->sql, text->nargs, types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", text->sql,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", text->sql);
	plans[statement] = plan;
}

/*
 * Plans are made once and kept, often when the tables are still small, and
 * must be right when they are not.  So our statements are planned for tables
 * of this size, whatever they hold at that moment, and never depend on when
 * statistics were gathered last.
 */
#define PLANNED_PAGES	1000000
#define PLANNED_TUPLES	30000000

bool
celeriac_is_segment(Oid relid)
{
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		if (relid == CelCat.messages[i])
			return true;
	}
	for (int i = 0; i < CEL_RESULT_SEGMENTS; i++)
	{
		if (relid == CelCat.results[i])
			return true;
	}
	return false;
}

static get_relation_info_hook_type prev_get_relation_info_hook = NULL;
static bool planning_for_size = false;

static void
relation_info_for_size(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	ListCell   *cell;

	if (prev_get_relation_info_hook)
		prev_get_relation_info_hook(root, relid, inhparent, rel);
	if (!planning_for_size ||
		(!celeriac_is_segment(relid) && relid != CelCat.edge))
		return;
	rel->pages = PLANNED_PAGES;
	rel->tuples = PLANNED_TUPLES;
	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);

		index->pages = PLANNED_PAGES / 10;
		index->tuples = PLANNED_TUPLES;
		index->tree_height = 3;
	}
}

void
celeriac_catalog_init(void)
{
	prev_get_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = relation_info_for_size;
}

/*
 * The snapshot is taken when the statement's locks are held.  What a segment
 * loses while we wait for its lock is then seen at its new place.
 */
static void
lock_relations(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);

	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
}

static int
execute(SPIPlanPtr plan, Datum *values, const char *nulls)
{
	bool		nested = planning_for_size;
	bool		jit = jit_enabled;
	bool		seqscan = enable_seqscan;
	volatile int result = 0;

	planning_for_size = true;
	jit_enabled = false;		/* the costs of a large table would invite it */
	enable_seqscan = false;		/* few rows have what is asked for, if any */
	PG_TRY();
	{
		lock_relations(plan);
		result = SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(),
									  InvalidSnapshot, false, true, 0);
	}
	PG_FINALLY();
	{
		planning_for_size = nested;
		jit_enabled = jit;
		enable_seqscan = seqscan;
	}
	PG_END_TRY();
	return result;
}

uint64
celeriac_exec(CelStatement statement, Datum *values, const char *nulls)
{
	MemoryContext caller = CurrentMemoryContext;	/* SPI leaves us in its
													 * own */
	int			result;

	if (plans[statement] == NULL)
		prepare(statement);
	result = execute(plans[statement], values, nulls);
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s",
			 celeriac_statements[statement].sql, SPI_result_code_string(result));
	return SPI_processed;
}

/* A role of ours, by name: it may have been dropped and created again. */
static bool
has_role(Oid role, const char *name)
{
	Oid			ours = get_role_oid(name, true);

	return OidIsValid(ours) && has_privs_of_role(role, ours);
}

bool
celeriac_is_admin(Oid role)
{
	return superuser_arg(role) || has_role(role, "celeriac_admin");
}

bool
celeriac_is_worker(Oid role)
{
	return celeriac_is_admin(role) || has_role(role, "celeriac_worker");
}

bool
celeriac_sees_all(Oid role)
{
	return celeriac_is_admin(role) || has_role(role, "celeriac_monitor");
}

char *
celeriac_role_name(Oid role)
{
	return GetUserNameFromId(role, false);
}
