/*
 * fetch.h
 *		What task_fetch and task_wait have in common.
 */
#ifndef CELERIAC_FETCH_H
#define CELERIAC_FETCH_H

#include "celeriac.h"

#include "datatype/timestamp.h"

#include "ready.h"

/* the most that one call may hand out */
#define MAX_FETCH	100000

/*
 * The levels of a queue, into an array of CELERIAC_MAX_PRIORITY + 1; to be
 * called before the snapshot is taken.  Returns how many.
 */
extern int	celeriac_fetch_levels(QueueRef *queue, ReadyLevel *levels);

/* errors unless the arguments are such as these functions take */
extern void celeriac_require_queue_names(const char *const *queues, int nqueues);
extern void celeriac_require_queues(const char *const *queues, int nqueues);
extern int	celeriac_fetch_limit(int max);
extern TimestampTz celeriac_wait_deadline(Interval *wait);

#endif							/* CELERIAC_FETCH_H */
