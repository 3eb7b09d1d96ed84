/*
 * limit.h
 *		The time limits of the task that a child is running.
 */
#ifndef CELERIAC_WORKER_POOL_LIMIT_H
#define CELERIAC_WORKER_POOL_LIMIT_H

#include "pool/slot.h"

/* Tell the task of its soft limit when it is time; returns when to look again. */
extern int64_t limit_watch(Slot *slot, Job *job, int64_t now);

/* Its time limit is over, and the child to be killed; says so in the log. */
extern bool limit_is_over(const Slot *slot, const Job *job, int64_t now);

#endif							/* CELERIAC_WORKER_POOL_LIMIT_H */
