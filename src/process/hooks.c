/*
 * hooks.c
 *		Commands of others that concern us: on databases, on the extension,
 *		LISTEN, COMMIT PREPARED.
 *
 * A command that needs a database without any session in it (DROP, RENAME,
 * SET TABLESPACE, CREATE DATABASE from it) would fail because of our workers.
 * So these leave first, and stay out until the transaction has ended, however
 * it ends.  A role that may not run the command does not stop anything.
 *
 * The hook sees every utility statement of every database, with or without
 * the extension: for all but a few it costs one switch.
 */
#include "process/hooks.h"

#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_extension.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lwlock.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "process/block.h"
#include "process/process.h"
#include "session/notify.h"
#include "session/role.h"
#include "session/xact.h"
#include "shmem/database.h"
#include "shmem/leave.h"
#include "shmem/ready.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"
#include "task/intask.h"

#define EXTENSION_NAME CELERIAC_LIBRARY
#define DEFAULT_TEMPLATE "template1"

static ProcessUtility_hook_type prev_utility_hook = NULL;
static object_access_hook_type prev_access_hook = NULL;

/* what the end of the transaction has to do */
static bool blocking = false;
static bool databases_change = false;
static Oid	dropped_database = InvalidOid;

/* this session has listened to our events, at some time */
static bool has_listened = false;

PG_FUNCTION_INFO_V1(celeriac_announce);

/*
 * At the end of the install script: the extension is here once this commits.
 * Positions of an earlier one would lie ahead of the new sequence.
 */
Datum
celeriac_announce(PG_FUNCTION_ARGS)
{
	celeriac_shmem_require();
	celeriac_ready_forget(MyDatabaseId);
	celeriac_xact_recheck_database();
	PG_RETURN_VOID();
}

/*
 * Databases
 */
static bool
may_create_databases(void)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
	bool		may = superuser();

	if (!HeapTupleIsValid(tuple))
		return may;
	may |= ((Form_pg_authid) GETSTRUCT(tuple))->rolcreatedb;
	ReleaseSysCache(tuple);
	return may;
}

static bool
is_template(Oid dboid)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(dboid));
	bool		template;

	if (!HeapTupleIsValid(tuple))
		return false;
	template = ((Form_pg_database) GETSTRUCT(tuple))->datistemplate;
	ReleaseSysCache(tuple);
	return template;
}

/* Set before the wait, which may be cancelled. */
static void
block_database(Oid dboid)
{
	blocking = true;
	databases_change = true;
	celeriac_process_block(dboid);
}

/* The database we are connected to cannot be changed in these ways. */
static Oid
block_own_database(const char *name)
{
	Oid			dboid = get_database_oid(name, true);

	if (!OidIsValid(dboid) || dboid == MyDatabaseId ||
		!celeriac_owns_database(dboid, GetUserId()))
		return InvalidOid;
	block_database(dboid);
	return dboid;
}

static void
before_create_database(const CreatedbStmt *stmt)
{
	const char *template = DEFAULT_TEMPLATE;
	Oid			dboid;
	ListCell   *cell;

	foreach(cell, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "template") == 0 && option->arg != NULL)
			template = defGetString(option);
	}
	databases_change = true;
	dboid = get_database_oid(template, true);
	if (OidIsValid(dboid) && may_create_databases() &&
		(is_template(dboid) || celeriac_owns_database(dboid, GetUserId())))
		block_database(dboid);
}

static void
before_alter_database(const AlterDatabaseStmt *stmt)
{
	ListCell   *cell;

	/* IS_TEMPLATE and ALLOW_CONNECTIONS decide whether we work there */
	databases_change = true;
	foreach(cell, stmt->options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "tablespace") == 0)
			(void) block_own_database(stmt->dbname);
	}
}

/*
 * COMMIT PREPARED: what the transaction made ready, due or created was noted
 * in the memory of a session that may be gone.  Everybody looks again.
 */
static void
after_commit_prepared(void)
{
	CelDatabase *db;

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	db = celeriac_find_database(MyDatabaseId);
	if (db != NULL)
		db->service.want = CEL_DB_PROBE;
	LWLockRelease(CelShmem->lock);

	if (db != NULL)
	{
		celeriac_ready_forget(MyDatabaseId);
		celeriac_wake_all(MyDatabaseId);
		celeriac_wake_coordinator(db);
		celeriac_wake_launcher();
	}
	else if (OidIsValid(get_extension_oid(EXTENSION_NAME, true)))
		celeriac_xact_recheck_database();
}

/*
 * A session that never listened has nothing to stop: DISCARD ALL is common, also
 * in databases that know nothing of us.
 */
static void
after_listen(bool listen)
{
	if (listen || has_listened)
		celeriac_xact_listen(listen);
	has_listened |= listen;
}

static bool
is_our_channel(const char *channel)
{
	return strcmp(channel, CELERIAC_EVENT_CHANNEL) == 0;
}

/* Events show the arguments and results of everybody's tasks. */
static void
check_listener(void)
{
	if (OidIsValid(get_extension_oid(EXTENSION_NAME, true)) &&
		!celeriac_sees_all(GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to listen to \"%s\"", CELERIAC_EVENT_CHANNEL),
				 errhint("Only members of celeriac_monitor may.")));
}

/*
 * The utility hook
 *
 * What is left to do after the statement is decided before it: a statement
 * that ends the transaction may free its own tree.
 */
typedef enum AfterUtility
{
	AFTER_NOTHING,
	AFTER_DROP_DATABASE,
	AFTER_LISTEN,
	AFTER_UNLISTEN,
	AFTER_COMMIT_PREPARED
} AfterUtility;

static AfterUtility
before_utility(Node *stmt, Oid *dboid)
{
	const char *channel;

	switch (nodeTag(stmt))
	{
		case T_DropdbStmt:
			*dboid = block_own_database(((DropdbStmt *) stmt)->dbname);
			return AFTER_DROP_DATABASE;
		case T_RenameStmt:
			if (((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
				(void) block_own_database(((RenameStmt *) stmt)->subname);
			return AFTER_NOTHING;
		case T_CreatedbStmt:
			before_create_database((CreatedbStmt *) stmt);
			return AFTER_NOTHING;
		case T_AlterDatabaseStmt:
			before_alter_database((AlterDatabaseStmt *) stmt);
			return AFTER_NOTHING;
		case T_ListenStmt:
			channel = ((ListenStmt *) stmt)->conditionname;
			if (!is_our_channel(channel))
				return AFTER_NOTHING;
			check_listener();
			return AFTER_LISTEN;
		case T_UnlistenStmt:
			channel = ((UnlistenStmt *) stmt)->conditionname;
			return channel == NULL || is_our_channel(channel) ? AFTER_UNLISTEN
				: AFTER_NOTHING;
		case T_ConstraintsSetStmt:
			celeriac_intask_set_constraints();
			return AFTER_NOTHING;
		case T_DiscardStmt:
			return ((DiscardStmt *) stmt)->target == DISCARD_ALL
				? AFTER_UNLISTEN
				: AFTER_NOTHING;
		case T_TransactionStmt:
			return ((TransactionStmt *) stmt)->kind ==
				TRANS_STMT_COMMIT_PREPARED
				? AFTER_COMMIT_PREPARED
				: AFTER_NOTHING;
		default:
			return AFTER_NOTHING;
	}
}

static void
after_utility(AfterUtility after, Oid dboid)
{
	switch (after)
	{
		case AFTER_NOTHING:
			break;
		case AFTER_DROP_DATABASE:
			dropped_database = dboid;
			break;
		case AFTER_LISTEN:
			after_listen(true);
			break;
		case AFTER_UNLISTEN:
			after_listen(false);
			break;
		case AFTER_COMMIT_PREPARED:
			after_commit_prepared();
			break;
	}
}

static void
utility_hook(PlannedStmt *pstmt, const char *query, bool read_only_tree,
			 ProcessUtilityContext context, ParamListInfo params,
			 QueryEnvironment *environment, DestReceiver *dest,
			 QueryCompletion *completion)
{
	Oid			dboid = InvalidOid;
	AfterUtility after = before_utility(pstmt->utilityStmt, &dboid);

	if (prev_utility_hook)
		prev_utility_hook(pstmt, query, read_only_tree, context, params,
						  environment, dest, completion);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params,
								environment, dest, completion);
	after_utility(after, dboid);
}

/*
 * However the extension goes (DROP EXTENSION, DROP SCHEMA CASCADE, DROP OWNED),
 * it passes here while its row can still be read.
 */
static void
access_hook(ObjectAccessType access, Oid class_oid, Oid object, int sub_id,
			void *arg)
{
	char	   *name;

	if (prev_access_hook)
		prev_access_hook(access, class_oid, object, sub_id, arg);
	if (access != OAT_DROP || class_oid != ExtensionRelationId)
		return;
	name = get_extension_name(object);
	if (name != NULL && strcmp(name, EXTENSION_NAME) == 0)
		celeriac_xact_recheck_database();
}

/*
 * The transaction's end.  Called after it has become visible; nothing may be
 * allocated or fail.
 */
static void
xact_callback(XactEvent event, void *arg)
{
	bool		committed = (event == XACT_EVENT_COMMIT);

	if (!blocking && !databases_change)
		return;
	if (!committed && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	if (committed && OidIsValid(dropped_database))
		celeriac_forget_database(dropped_database);
	dropped_database = InvalidOid;
	if (databases_change)
		celeriac_process_rescan();
	databases_change = false;
	if (blocking)
		celeriac_process_unblock();
	blocking = false;
}

void
celeriac_hooks_init(void)
{
	prev_utility_hook = ProcessUtility_hook;
	ProcessUtility_hook = utility_hook;
	prev_access_hook = object_access_hook;
	object_access_hook = access_hook;
	RegisterXactCallback(xact_callback, NULL);
}
