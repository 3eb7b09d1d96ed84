/*
 * revoke.h
 *		How a worker is told what to stop.
 */
#ifndef CELERIAC_REVOKE_H
#define CELERIAC_REVOKE_H

#include "base/names.h"

/* followed by the md5 of the worker's name */
#define CELERIAC_WORKER_CHANNEL	"task_worker_"

/* interrupts the executor in this slot, if it still runs this task; no error */
extern void celeriac_cancel_executor(int slot, const pg_uuid_t *id);

#endif							/* CELERIAC_REVOKE_H */
