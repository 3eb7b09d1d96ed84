/*
 * fence.h
 *		Which outcomes count.
 */
#ifndef CELERIAC_FINISH_FENCE_H
#define CELERIAC_FINISH_FENCE_H

#include "base/names.h"

#include "finish/ending.h"
#include "session/statement.h"

/* sets hold when the worker has the session claim */
extern void celeriac_fence_by_claim(Ending *item, int worker_slot);

/*
 * Read and lock the rows of those that need theirs, sorted by id; sets hold when
 * the worker has the lease.  The statement says whether to wait for locks.
 */
extern void celeriac_read_rows(CelStatement statement, Ending **sorted, int count,
							   const char *worker);

/* of several for one id only the first may count */
extern void celeriac_refuse_doubles(Ending **sorted, int count);

#endif							/* CELERIAC_FINISH_FENCE_H */
