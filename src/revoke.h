/*
 * revoke.h
 *		How a worker is told what to stop.
 */
#ifndef CELERIAC_REVOKE_H
#define CELERIAC_REVOKE_H

#include "celeriac.h"

/* interrupts the executor in this slot, if it still runs this task; no error */
extern void celeriac_cancel_executor(int slot, const pg_uuid_t *id);

#endif							/* CELERIAC_REVOKE_H */
