/*
 * compat.c
 *		What the server does not offer to extensions, one function for each.
 *
 * Each of these calls depends on how the server works inside, and is to be read
 * again for a new major version.
 */
#include "base/compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/prepare.h"
#include "commands/trigger.h"
#include "jit/jit.h"
#include "pgstat.h"
#include "replication/slot.h"
#if PG_VERSION_NUM >= 180000
#include "storage/aio_subsys.h"
#endif
#include "storage/bufmgr.h"
#include "storage/condition_variable.h"
#include "storage/fd.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/smgr.h"
#include "utils/hsearch.h"
#include "utils/portal.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM >= 170000
static const char *const wait_event_names[] = {
	[WAITS_FOR_TASK] = "CeleriacTask",
	[WAITS_FOR_RESULT] = "CeleriacResult",
	[WAITS_FOR_WORK] = "CeleriacMain",
	[WAITS_FOR_PROCESSES] = "CeleriacProcesses",
};

/* Set before any process is forked. */
static uint32 wait_events[lengthof(wait_event_names)];

void
celeriac_wait_events_init(void)
{
	for (int i = 0; i < lengthof(wait_event_names); i++)
		wait_events[i] = WaitEventExtensionNew(wait_event_names[i]);
}

uint32
celeriac_wait_event(CelWaitReason reason)
{
	return wait_events[reason];
}
#else
void
celeriac_wait_events_init(void)
{
}

uint32
celeriac_wait_event(CelWaitReason reason)
{
	return PG_WAIT_EXTENSION;
}
#endif

/*
 * From libpq/libpq.h, which wants GSSAPI's headers where the server was built
 * with it.
 */
extern PGDLLIMPORT WaitEventSet *FeBeWaitSet;
#define CLIENT_SOCKET_POS	0	/* FeBeWaitSetSocketPos */

int
celeriac_wait_for_client(long timeout_ms, CelWaitReason reason)
{
	WaitEvent	event;

	/* the server says anew what it waits for before it uses this set */
	ModifyWaitEvent(FeBeWaitSet, CLIENT_SOCKET_POS, WL_SOCKET_CLOSED, NULL);
	if (WaitEventSetWait(FeBeWaitSet, timeout_ms, &event, 1, celeriac_wait_event(reason)) == 0)
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

/* 17 tells the temporary slots of a session from those that a standby copies. */
#if PG_VERSION_NUM >= 170000
#define drop_temporary_slots()	ReplicationSlotCleanup(false)
#else
#define drop_temporary_slots()	ReplicationSlotCleanup()
#endif

void
celeriac_error_cleanup(void)
{
	if (MyReplicationSlot != NULL)
		ReplicationSlotRelease();
	drop_temporary_slots();
	jit_reset_after_error();
}

/* 18 reads and writes in the background. */
#if PG_VERSION_NUM < 180000
#define pgaio_error_cleanup()	((void) 0)
#endif

/*
 * Within a transaction its abort does most of this.  Outside, nothing does: a
 * main loop holds no more than these, as the autovacuum launcher's.
 */
void
celeriac_abort(void)
{
	AbortOutOfAnyTransaction();
	LWLockReleaseAll();
	ConditionVariableCancelSleep();
	pgstat_report_wait_end();
	pgaio_error_cleanup();
	UnlockBuffers();
	AtEOXact_Buffers(false);
	AtEOXact_SMgr();
	AtEOXact_Files(false);
	AtEOXact_HashTables(false);
	PortalErrorCleanup();
	celeriac_error_cleanup();
}

void
celeriac_forget_session_state(void)
{
	DropAllPreparedStatements();
	LockReleaseSession(USER_LOCKMETHOD);
}
