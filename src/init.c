/*
 * init.c
 *		The library's start-up: each module registers itself.
 */
#include "base/names.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "session/identity.h"
#include "session/definition.h"
#include "base/errors.h"
#include "session/event.h"
#include "base/guc.h"
#include "process/launcher.h"
#include "rows/scan.h"
#include "shmem/shmem.h"
#include "rows/store.h"
#include "session/xact.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

PG_FUNCTION_INFO_V1(celeriac_version);

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_NOT_PRELOADED),
				 errmsg("celeriac must be loaded at server start"),
				 errhint("Add celeriac to shared_preload_libraries and restart the server.")));

	celeriac_guc_init();
	celeriac_shmem_init();
	celeriac_catalog_init();
	celeriac_xact_init();
	celeriac_event_init();
	celeriac_definition_init();
	celeriac_store_init();
	celeriac_scan_init();
	celeriac_hooks_init();
	celeriac_launcher_init();
}

/* The version of the loaded library, to compare with the extension's. */
Datum
celeriac_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(CELERIAC_VERSION));
}
