/*
 * compat.h
 *		Every difference between PostgreSQL's major versions, in one place.
 */
#ifndef CELERIAC_COMPAT_H
#define CELERIAC_COMPAT_H

#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"

/* 16 renamed SetSingleFuncCall; 15 has both names from 15.1 on. */
#define celeriac_init_srf(fcinfo)	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC)

/*
 * A backend's dense number, 0-based.  17 replaced BackendId by ProcNumber.
 */
#if PG_VERSION_NUM >= 170000
#define CELERIAC_MY_SLOT	MyProcNumber
#else
#define CELERIAC_MY_SLOT	(MyBackendId - 1)
#endif

/*
 * A search_path of our own until the matching pop or the end of the
 * (sub)transaction; pg_catalog, not named, comes first.  It is set as a function
 * does it in its SET clause, because users' functions that our statements call
 * may have such a clause too: an OverrideSearchPath would overrule it.
 */
static inline int
celeriac_push_search_path(const char *namespace_name)
{
	int			nestlevel = NewGUCNestLevel();
	char	   *path = psprintf("%s, pg_temp", namespace_name);

	(void) set_config_option("search_path", path, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	pfree(path);
	return nestlevel;
}

#define celeriac_pop_search_path(nestlevel)	AtEOXact_GUC(false, nestlevel)

/*
 * From libpq/libpq.h, which wants GSSAPI's headers where the server was built
 * with it: the wait for the client's socket, our latch and the postmaster.
 */
extern PGDLLIMPORT WaitEventSet *FeBeWaitSet;
#define CELERIAC_CLIENT_SOCKET_POS	0	/* FeBeWaitSetSocketPos */

/* 16 replaced the ownership check of each kind of object by one for all. */
#if PG_VERSION_NUM >= 160000
#define celeriac_owns_database(dboid, role) \
	object_ownercheck(DatabaseRelationId, dboid, role)
#else
#define celeriac_owns_database(dboid, role) \
	pg_database_ownercheck(dboid, role)
#endif

/* Likewise the checks of rights: may the role call it, look into it? */
#if PG_VERSION_NUM >= 160000
#define celeriac_function_aclcheck(function, role) \
	object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE)
#define celeriac_schema_aclcheck(schema, role) \
	object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE)
#else
#define celeriac_function_aclcheck(function, role) \
	pg_proc_aclcheck(function, role, ACL_EXECUTE)
#define celeriac_schema_aclcheck(schema, role) \
	pg_namespace_aclcheck(schema, role, ACL_USAGE)
#endif

/* 16 lets updates name the indexes that only summarise. */
#if PG_VERSION_NUM >= 160000
#define celeriac_insert_index_tuples(info, slot, estate) \
	ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL, false)
#else
#define celeriac_insert_index_tuples(info, slot, estate) \
	ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL)
#endif

/* 16 lets logical replication truncate as the table's owner. */
#if PG_VERSION_NUM >= 160000
#define celeriac_truncate(rel, logged) \
	ExecuteTruncateGuts(list_make1(rel), list_make1_oid(RelationGetRelid(rel)), \
						logged, DROP_RESTRICT, false, false)
#else
#define celeriac_truncate(rel, logged) \
	ExecuteTruncateGuts(list_make1(rel), list_make1_oid(RelationGetRelid(rel)), \
						logged, DROP_RESTRICT, false)
#endif

/* 18 counts what an index scan does. */
#if PG_VERSION_NUM >= 180000
#define celeriac_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, NULL, nkeys, 0)
#else
#define celeriac_index_beginscan(rel, index, snapshot, nkeys) \
	index_beginscan(rel, index, snapshot, nkeys, 0)
#endif

#endif							/* CELERIAC_COMPAT_H */
