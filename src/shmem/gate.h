/*
 * gate.h
 *		Transactions that begin stand back, so that a segment can be emptied.
 */
#ifndef CELERIAC_SHMEM_GATE_H
#define CELERIAC_SHMEM_GATE_H

#include "base/names.h"

/*
 * Where transactions overlap without end, no moment is free for a lock that is
 * not waited for.  So the coordinator may ask those who begin to stand back, for
 * this long at most.
 */
#define CEL_GATE_MS		20
#define CEL_GATE_NAP_US	500
#define CEL_GATE_NAPS	(CEL_GATE_MS * 1000 / CEL_GATE_NAP_US)

extern void celeriac_gate_close(void);
extern void celeriac_gate_open(void);
/* stand back if asked to, unless this transaction may be what is waited for */
extern void celeriac_gate_pass(void);

#endif							/* CELERIAC_SHMEM_GATE_H */
