/*
 * taskfetch.h
 *		task_fetch, and the checks of what fetching functions are given.
 */
#ifndef CELERIAC_TASK_TASKFETCH_H
#define CELERIAC_TASK_TASKFETCH_H

#include "base/names.h"

#include "datatype/timestamp.h"

/* errors unless the arguments are such as these functions take */
extern void celeriac_require_queue_names(const char *const *queues, int nqueues);
extern void celeriac_require_queues(const char *const *queues, int nqueues);
extern int	celeriac_fetch_limit(int max);
extern TimestampTz celeriac_wait_deadline(Interval *wait);

#endif							/* CELERIAC_TASK_TASKFETCH_H */
