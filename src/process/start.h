/*
 * start.h
 *		Background workers of ours are started, and seen to have ended.
 */
#ifndef CELERIAC_PROCESS_START_H
#define CELERIAC_PROCESS_START_H

#include "base/names.h"

#include "process/process.h"

/* for parents: the launcher of coordinators, a coordinator of executors */
extern CelStartResult celeriac_process_start(CelProcessKind kind, Oid dboid);
extern CelProcess *celeriac_process_list(int *count);

#endif							/* CELERIAC_PROCESS_START_H */
