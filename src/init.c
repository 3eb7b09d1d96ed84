/*
 * init.c
 *		The library's start-up, and the list of all its parts.
 *
 * Nothing else registers hooks, settings or shared memory.
 */
#include "base/names.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/guc.h"
#include "process/blackbox.h"
#include "process/hooks.h"
#include "process/launcher.h"
#include "process/process.h"
#include "rows/scan.h"
#include "rows/store.h"
#include "session/definition.h"
#include "session/event.h"
#include "session/exec.h"
#include "session/xact.h"
#include "shmem/claim.h"
#include "shmem/leave.h"
#include "shmem/readytable.h"
#include "shmem/shmem.h"
#include "shmem/waitlist.h"
#include "shmem/workers.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(celeriac_version);

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* Parts with a place in shared memory, in the order in which they start. */
static const struct
{
	Size		(*size) (void);
	void		(*startup) (void);
}			shared_parts[] = {
	{celeriac_shmem_size, celeriac_shmem_startup},
	{celeriac_workers_shmem_size, celeriac_workers_shmem_startup},
	{celeriac_claim_shmem_size, celeriac_claim_shmem_startup},
	{celeriac_readytable_size, celeriac_readytable_startup},
	{celeriac_waitlist_shmem_size, celeriac_waitlist_shmem_startup},
	{celeriac_process_shmem_size, celeriac_process_shmem_startup},
	{celeriac_blackbox_shmem_size, celeriac_blackbox_shmem_startup}
};

/* Parts with something to set up when the library is loaded. */
static void (*const parts[]) (void) =
{
	celeriac_guc_init,
		celeriac_leave_init,
		celeriac_exec_init,
		celeriac_xact_init,
		celeriac_event_init,
		celeriac_definition_init,
		celeriac_store_init,
		celeriac_scan_init,
		celeriac_hooks_init,
		celeriac_launcher_init
};

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	for (int i = 0; i < lengthof(shared_parts); i++)
		RequestAddinShmemSpace(shared_parts[i].size());
}

static void
shmem_startup(void)
{
	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < lengthof(shared_parts); i++)
		shared_parts[i].startup();
	LWLockRelease(AddinShmemInitLock);
	celeriac_wait_events_init();
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		celeriac_shmem_require();
	for (int i = 0; i < lengthof(parts); i++)
		parts[i] ();
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

/* The version of the loaded library, to compare with the extension's. */
Datum
celeriac_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CELERIAC_VERSION));
}
