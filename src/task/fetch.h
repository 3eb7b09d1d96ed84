/*
 * fetch.h
 *		What task_fetch and task_wait have in common.
 */
#ifndef CELERIAC_TASK_FETCH_H
#define CELERIAC_TASK_FETCH_H

#include "base/names.h"

#include "base/delivery.h"
#include "shmem/ready.h"

/* the most that one call may hand out */
#define MAX_FETCH	100000

/*
 * The levels of a queue, into an array of CELERIAC_MAX_PRIORITY + 1; to be
 * called before the snapshot is taken.  Returns how many.
 */
extern int	celeriac_fetch_levels(QueueRef *queue, ReadyLevel *levels);

/*
 * Claim up to max tasks that are ready now; does not wait.  lease is in
 * seconds, < 0 asks for session claims.  Between celeriac_enter and leave;
 * palloc'd in the current memory context.
 */
extern int	celeriac_fetch(const char *worker, QueueRef *queues, int nqueues,
						   int max, double lease,
						   Delivery **deliveries);

/* is anything there to fetch? */
extern bool celeriac_anything_ready(QueueRef *queues, int nqueues);

#endif							/* CELERIAC_TASK_FETCH_H */
