/*
 * pool.h
 *		The children of a worker: who runs what.
 */
#ifndef CELERIAC_WORKER_POOL_POOL_H
#define CELERIAC_WORKER_POOL_POOL_H

#include <poll.h>
#include <signal.h>

#include "pool/child.h"
#include "pool/job.h"

/* What the pool tells its owner.  Jobs are only lent. */
typedef struct PoolHost
{
	/* what became of a job; the pool forgets it afterwards */
	void		(*outcome) (void *data, Job *job, const Report *report);
	/* it has been running for a while: time to show STARTED */
	void		(*started) (void *data, Job *job, int64_t started_at);
	/* it shows a state of its own */
	void		(*state) (void *data, Job *job, Text state, Text info);
	/* in a new child: close what is the supervisor's */
	void		(*in_child) (void *data);
	void	   *data;
} PoolHost;

typedef struct PoolConfig
{
	int			concurrency;
	uint32_t	max_tasks_per_child;	/* 0 = no limit */
	const Catalog *catalog;
} PoolConfig;

typedef struct Pool Pool;

/* Starts the children. */
extern Pool *pool_new(const PoolConfig *config, const PoolHost *host);

/* All children must be gone. */
extern void pool_free(Pool *pool);

/* Give it a job to run; pool_dispatch() sends what was given. */
extern void pool_submit(Pool *pool, Job *job);
extern void pool_dispatch(Pool *pool);

extern int	pool_queued(const Pool *pool);	/* not given to a child */
extern int	pool_in_hand(const Pool *pool); /* those and the given ones */
extern int	pool_children(const Pool *pool);	/* processes alive */

/* Moving average of recent runtimes in microseconds; < 0 = unknown. */
extern double pool_runtime(const Pool *pool);

/* True when outcomes are to be expected within a moment. */
extern bool pool_expects_soon(const Pool *pool);

/* Descriptors to poll, at most pool_fds_max(); then what poll() found. */
extern int	pool_fds_max(const Pool *pool);
extern int	pool_fds(Pool *pool, struct pollfd *fds);
extern void pool_handle(Pool *pool, const struct pollfd *fds, int nfds);

/* After SIGCHLD. */
extern void pool_reap(Pool *pool);

/* Look after limits, starts and respawns; returns when to come again. */
extern int64_t pool_tick(Pool *pool, int64_t now);

/* Is it queued, or with a child? */
extern bool pool_has(Pool *pool, const Uuid *id);

/*
 * Revoke a job, if it is here.  One not begun ends as REVOKED; one that runs
 * is told, or with terminate its child gets the signal and is replaced.
 */
extern void pool_revoke(Pool *pool, const Uuid *id, bool terminate, int signo);

/* Report all but keep of the jobs that no child has begun as PENDING. */
extern void pool_hand_back(Pool *pool, int keep);

/* Take back what children have not begun, so that pool_hand_back() sees it. */
extern void pool_recall(Pool *pool);

/* Kill the children; what they ran is reported as PENDING. */
extern void pool_kill(Pool *pool);

/* Let the children end when they have nothing to do, and start no new ones. */
extern void pool_retire(Pool *pool);

/* Call back with every job in hand. */
extern void pool_visit(Pool *pool, void (*visit) (void *data, Job *job), void *data);

/* Forget a job that no child has begun: its claim is gone. False if begun. */
extern bool pool_drop(Pool *pool, const Uuid *id);

#endif							/* CELERIAC_WORKER_POOL_POOL_H */
