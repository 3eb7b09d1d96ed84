/*
 * rootlock.h
 *		The lock under which a canvas is changed as a whole.
 */
#ifndef CELERIAC_CANVAS_ROOTLOCK_H
#define CELERIAC_CANVAS_ROOTLOCK_H

#include "base/names.h"

/* those of the canvases with these roots, until the transaction ends */
extern void celeriac_rootlock(const pg_uuid_t *const *roots, int count);

/* those of which any of these tasks waits for another; inside enter and leave */
extern void celeriac_rootlock_waiting(const pg_uuid_t *const *ids, int count);

/* does this transaction hold any? */
extern bool celeriac_rootlock_held(void);

/*
 * A transaction that goes on after it has ended tasks must not wait for others,
 * which may wait for it: until nowait is taken back, a lock that is not free is an
 * ERROR.
 */
extern void celeriac_rootlock_nowait(bool nowait);

#endif							/* CELERIAC_CANVAS_ROOTLOCK_H */
