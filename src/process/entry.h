/*
 * entry.h
 *		Entry points of our background workers, which the postmaster finds by
 *		their names.
 *
 * The argument of a coordinator and an executor is the OID of their database.
 */
#ifndef CELERIAC_PROCESS_ENTRY_H
#define CELERIAC_PROCESS_ENTRY_H

#include "base/names.h"

extern PGDLLEXPORT void celeriac_launcher_main(Datum arg);
extern PGDLLEXPORT void celeriac_coordinator_main(Datum arg);
extern PGDLLEXPORT void celeriac_executor_main(Datum arg);

#endif							/* CELERIAC_PROCESS_ENTRY_H */
