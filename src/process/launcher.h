/*
 * launcher.h
 *		Our background workers' entry points: one launcher per cluster keeps a
 *		coordinator in every database that has the extension; a coordinator
 *		keeps its database's executors.
 */
#ifndef CELERIAC_LAUNCHER_H
#define CELERIAC_LAUNCHER_H

#include "base/names.h"

extern void celeriac_launcher_init(void);

/* utility and object access hooks (hooks.c) */
extern void celeriac_hooks_init(void);

extern PGDLLEXPORT void celeriac_launcher_main(Datum arg);
extern PGDLLEXPORT void celeriac_coordinator_main(Datum arg);
extern PGDLLEXPORT void celeriac_executor_main(Datum arg);

#endif							/* CELERIAC_LAUNCHER_H */
