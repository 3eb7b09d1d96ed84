/*
 * identity.c
 *		Entering the extension: its schema and owner.
 *
 * What we know of the extension is looked up once per backend and again when
 * it was dropped and created anew, which shows as another relation behind the
 * name task_message.  Prepared statements and caches belong to one such identity,
 * by its generation.
 */
#include "session/identity.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/relation.h"
#include "shmem/gate.h"
#include "shmem/shmem.h"

CelExtension CelExt;

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
	Oid			relid = get_relname_relid(name, CelExt.namespace_oid);

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
									   ObjectIdGetDatum(CelExt.namespace_oid));

	if (!OidIsValid(type))
		elog(ERROR, "celeriac's type \"%s\" is missing", name);
	return type;
}

static void
load_extension(Oid namespace_oid)
{
	uint64		generation = CelExt.generation + 1;

	memset(&CelExt, 0, sizeof(CelExt));
	CelExt.namespace_oid = namespace_oid;
	strlcpy(CelExt.namespace_name, get_namespace_name(namespace_oid), NAMEDATALEN);
	require_segments("task_message", CelExt.messages, CEL_MESSAGE_SEGMENTS);
	require_segments("task_result", CelExt.results, CEL_RESULT_SEGMENTS);
	CelExt.owner = relation_owner(CelExt.messages[0]);
	CelExt.queue = require_relation("task_queue");
	CelExt.definition = require_relation("task_definition");
	CelExt.edge = require_relation("task_edge");
	CelExt.ready_seq = require_relation("task_ready_seq");
	CelExt.delivery_type = require_type("task_delivery");
	CelExt.outcome_type = require_type("task_outcome");
	CelExt.generation = generation;
}

/* The schema is that of the function by which we were called. */
static void
identify(FunctionCallInfo fcinfo)
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
	if (CelExt.messages[0] != message || CelExt.namespace_oid != namespace_oid)
		load_extension(namespace_oid);
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

bool
celeriac_identify_by_name(void)
{
	Oid			namespace_oid = extension_schema();
	Oid			message;

	if (!OidIsValid(namespace_oid))
		return false;
	message = get_relname_relid("task_message", namespace_oid);
	if (!OidIsValid(message))
		return false;
	if (CelExt.messages[0] != message || CelExt.namespace_oid != namespace_oid)
		load_extension(namespace_oid);
	return true;
}

static void
enter(CelContext *context)
{
	MemoryContext caller = CurrentMemoryContext;

	celeriac_gate_pass();
	GetUserIdAndSecContext(&context->caller, &context->sec_context);
	SetUserIdAndSecContext(CelExt.owner,
						   context->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	context->path_level = celeriac_push_search_path(quote_identifier(CelExt.namespace_name));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	MemoryContextSwitchTo(caller);
}

void
celeriac_enter(CelContext *context, FunctionCallInfo fcinfo)
{
	identify(fcinfo);
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

bool
celeriac_is_segment(Oid relid)
{
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		if (relid == CelExt.messages[i])
			return true;
	}
	for (int i = 0; i < CEL_RESULT_SEGMENTS; i++)
	{
		if (relid == CelExt.results[i])
			return true;
	}
	return false;
}
