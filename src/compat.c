/*
 * compat.c
 *		What the server does not offer to extensions, one function for each.
 *
 * Each of these calls depends on how the server works inside, and is to be read
 * again for a new major version.
 */
#include "compat.h"

#include "access/xact.h"
#include "commands/prepare.h"
#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "storage/lock.h"
#include "utils/portal.h"

void
celeriac_constraints_immediate(void)
{
	AfterTriggerSetState(makeNode(ConstraintsSetStmt));
}

void
celeriac_fire_deferred_triggers(void)
{
	AfterTriggerFireDeferred();
}

void
celeriac_close_cursors(void)
{
	PortalHashTableDeleteAll();
}

bool
celeriac_used_temporary_objects(void)
{
	return (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0;
}

void
celeriac_drop_temporary_objects(void)
{
	ResetTempTableNamespace();
}

void
celeriac_forget_session_state(void)
{
	DropAllPreparedStatements();
	LockReleaseSession(USER_LOCKMETHOD);
}
