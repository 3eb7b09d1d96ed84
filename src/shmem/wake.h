/*
 * wake.h
 *		Waiting for tasks and for results without polling and without NOTIFY.
 */
#ifndef CELERIAC_SHMEM_WAKE_H
#define CELERIAC_SHMEM_WAKE_H

#include "base/names.h"

#include "shmem/readytable.h"

/*
 * Register as a waiter; check the tables after this and before sleeping.  At a
 * queue that is crowded (NULL = none is) a session waits for a seat.
 */
extern void celeriac_wait_fetch_begin(const QueueRef *queues,
									  const bool *crowded, int nqueues, int max);
extern void celeriac_wait_get_begin(const pg_uuid_t *id);
/*
 * Sleep until woken or the deadline; false = the time is over.  An executor sets
 * what else may end its waits, asked whenever its latch is set.
 */
extern bool (*celeriac_wait_interrupt) (void);
extern bool celeriac_wait_sleep(TimestampTz deadline);
extern void celeriac_wait_end(void);
/* in a procedure: commit first, so that no snapshot is held meanwhile */
extern void celeriac_wait_let_go(bool atomic);
/* an ERROR ended the wait; does nothing in a session that never waited */
extern void celeriac_wait_abort(void);

/* an executor serves this queue: more of them may be worth it */
extern void celeriac_wake_serves(const QueueRef *queue);

/* no palloc, no ERROR: called from commit callbacks */
extern void celeriac_wake_fetch(uint64 queue_hash, int64 count);
/* so many that wait for a seat there look again */
extern void celeriac_wake_seats(const QueueRef *queue, int count);
extern void celeriac_wake_get(const pg_uuid_t *ids, int count);
/* claims were given back: wake all if somebody waits for room for one */
extern void celeriac_wake_for_room(void);
extern void celeriac_wake_all(Oid dboid);

#endif							/* CELERIAC_SHMEM_WAKE_H */
