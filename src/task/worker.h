/*
 * worker.h
 *		Workers by name: who is there, who is expected back.
 */
#ifndef CELERIAC_TASK_WORKER_H
#define CELERIAC_TASK_WORKER_H

#include "base/names.h"

#include "fmgr.h"

/* it has told what it still runs: dispatch need not wait for it */
extern void celeriac_worker_attached(int worker);
/* workers that were online when the server stopped; between enter and leave */
extern int	celeriac_workers_expected(void);
/* those whose last session ended without a word are marked so */
extern void celeriac_workers_gone(void);

extern const char *celeriac_worker_argument(FunctionCallInfo fcinfo);

#endif							/* CELERIAC_TASK_WORKER_H */
