/*
 * compat.h
 *		Every difference between PostgreSQL's major versions, and every use of
 *		what the server does not offer to extensions, in one place.
 */
#ifndef CELERIAC_BASE_COMPAT_H
#define CELERIAC_BASE_COMPAT_H

#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"

/* 18 says before a declaration that the function does not return. */
#if PG_VERSION_NUM < 180000 && !defined(pg_noreturn)
#define pg_noreturn	pg_attribute_noreturn()
#endif

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

/*
 * What pg_stat_activity says a process of ours waits for.  17 lets extensions
 * name that; before, it is "Extension" for all.
 */
typedef enum CelWaitReason
{
	WAITS_FOR_TASK,
	WAITS_FOR_RESULT,
	WAITS_FOR_WORK,				/* of a background worker's own loop */
	WAITS_FOR_PROCESSES			/* of ours, to leave a database */
} CelWaitReason;

/* When shared memory is made: the names are entered in it. */
extern void celeriac_wait_events_init(void);
extern uint32 celeriac_wait_event(CelWaitReason reason);

/*
 * Wait for our latch, the end of the client's connection or the postmaster's
 * death, with the set that the server waits with for the next command.
 * Returns the WL_ flag of what came first, as WaitLatch does.
 */
extern int	celeriac_wait_for_client(long timeout_ms, CelWaitReason reason);

/*
 * What a task leaves behind in its session and its transaction, and what of
 * that can be ended before the transaction does.
 */

/* SET CONSTRAINTS ALL IMMEDIATE, also for what comes later in the transaction. */
extern void celeriac_constraints_immediate(void);

/* Fire the deferred triggers as a commit does; what comes later is deferred. */
extern void celeriac_fire_deferred_triggers(void);

/* CLOSE ALL, without a statement. */
extern void celeriac_close_cursors(void);

/* Has this transaction used temporary tables, or other temporary objects? */
extern bool celeriac_used_temporary_objects(void);

/* DISCARD TEMP, inside of a transaction as well. */
extern void celeriac_drop_temporary_objects(void);

/* DEALLOCATE ALL and pg_advisory_unlock_all(), outside of transactions as well. */
extern void celeriac_forget_session_state(void);

/*
 * After an error: what neither the abort of a transaction nor that of a
 * subtransaction lets go of.  The server does this where it reads the next
 * command.
 */
extern void celeriac_error_cleanup(void);

/*
 * Abort what is open, if anything, and let go of all that an error has left, in
 * a transaction or outside; as the server's own processes do in their main loops.
 */
extern void celeriac_abort(void);

/* How many subtransactions a process announces without overflow. */
#define CELERIAC_MAX_SUBXACTS	PGPROC_MAX_CACHED_SUBXIDS

#endif							/* CELERIAC_BASE_COMPAT_H */
