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
#include "utils/wait_event.h"

/*
 * From libpq/libpq.h, which wants GSSAPI's headers where the server was built
 * with it.
 */
extern PGDLLIMPORT WaitEventSet *FeBeWaitSet;
#define CLIENT_SOCKET_POS	0	/* FeBeWaitSetSocketPos */

int
celeriac_wait_for_client(long timeout_ms)
{
	WaitEvent	event;

	/* whoever waits with this set says anew what for */
	ModifyWaitEvent(FeBeWaitSet, CLIENT_SOCKET_POS, WL_SOCKET_CLOSED, NULL);
	if (WaitEventSetWait(FeBeWaitSet, timeout_ms, &event, 1, PG_WAIT_EXTENSION) == 0)
		return WL_TIMEOUT;
	return event.events;
}

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
