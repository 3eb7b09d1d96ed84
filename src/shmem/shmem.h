/*
 * shmem.h
 *		The layout of shared memory: one slot per database, session and worker.
 *
 * Locks, always taken in this order and never more than one of each kind:
 *	1. CelShared->lock		databases, sessions, workers
 *	2. the ready lock		(readytable.c), and in it that of a queue or level
 *	3. a claim partition	(claim.c)
 *	4. a list of waiters	(waitlist.c)
 *
 * Nothing here survives a crash of the server; all of it can be built again
 * from the tables (ready.c, coordinator.c).
 */
#ifndef CELERIAC_SHMEM_SHMEM_H
#define CELERIAC_SHMEM_SHMEM_H

#include "base/names.h"

#include "storage/latch.h"
#include "storage/lwlock.h"

/* Should there be a coordinator in a database? */
typedef enum CelDatabaseWant
{
	CEL_DB_PROBE,				/* not known: one has to look */
	CEL_DB_RUN,					/* yes, it has the extension */
	CEL_DB_ABSENT				/* no: one looked, and it has not */
} CelDatabaseWant;

/* segment.c */
typedef struct CelSegments
{
	pg_atomic_uint32 current;
	pg_atomic_uint64 added;		/* rows put there since it became so */
	pg_atomic_uint32 watched;	/* the coordinator wants to know of a change */
} CelSegments;

/* The processes that serve the database: process/. */
typedef struct CelService
{
	CelDatabaseWant want;
	Latch	   *coordinator;	/* NULL = none; its process latch never moves */
	int			pid;			/* of the coordinator */
	int			executors;		/* running or being started */
	bool		understaffed;	/* more executors may be started */
	pg_atomic_uint32 asked;		/* the coordinator is to look after all */
	pg_atomic_uint64 due;		/* TimestampTz the coordinator sleeps until */
} CelService;

/* What a crash left: recover.c. */
typedef struct CelRecovery
{
	bool		attaching;		/* workers are waited for: no dispatch yet */
	bool		looked;			/* a coordinator has looked at it */
	bool		ended;			/* what was to run at most once is ended */
} CelRecovery;

/* event.c */
typedef struct CelEvents
{
	int			forced;			/* -1 off, 0 while someone listens, 1 on */
	pg_atomic_uint32 listeners; /* sessions that LISTEN to task_event */
} CelEvents;

/* wake.c */
typedef struct CelWaiters
{
	pg_atomic_uint32 fetch;
	pg_atomic_uint32 get;
	pg_atomic_uint64 served;	/* bits: queues that executors serve */
} CelWaiters;

typedef struct CelDatabase
{
	Oid			dboid;			/* InvalidOid = free slot */
	CelService	service;
	CelRecovery recovery;
	CelEvents	events;
	CelWaiters	waiters;
	CelSegments messages;		/* where new rows go: segment.c */
	CelSegments results;
	pg_atomic_uint64 gate;		/* TimestampTz it is closed until; 0 = open */
	bool		unwatched;		/* leases where no level remembers them:
								 * ready.c */
	pg_atomic_uint32 queue_changes; /* commits that changed task_queue */
	pg_atomic_uint64 stale_outcomes;	/* refused by fencing */
} CelDatabase;

/* What a session's wait slot says; see wake.c. */
typedef enum CelWaitKind
{
	CEL_WAIT_NONE,
	CEL_WAIT_FETCH,
	CEL_WAIT_GET,
	CEL_WAIT_WOKEN
} CelWaitKind;

/* One per backend, indexed by CELERIAC_MY_SLOT; written by its backend only. */
typedef struct CelSession
{
	Oid			dboid;
	int			pid;
	Latch	   *latch;
	int			worker;			/* slot in workers, -1 = none */
	pg_atomic_uint32 nclaims;	/* session claims held */
	bool		listening;
	bool		executor;		/* one of our background workers */
	pg_uuid_t	current;		/* task an executor is running */
	pg_uuid_t	cancel;			/* task an executor is asked to stop */
	pg_atomic_uint32 wait;		/* CelWaitKind */
	CelWaitKind wait_kind;		/* what is registered: NONE, FETCH or GET */
	int			wait_max;		/* how many tasks it wants */
	int			wait_nkeys;		/* in waitlist.c */
} CelSession;

/* A worker by name.  Claims refer to it, so a slot in use is never reused. */
typedef struct CelWorker
{
	Oid			dboid;			/* InvalidOid = free */
	char		name[CELERIAC_NAME_LEN];
	int			nsessions;		/* that speak for it; under CelShared->lock */
	pg_atomic_uint32 nclaims;	/* claims that refer to it */
	bool		registered;		/* by task_heartbeat: has a row */
	bool		expected;		/* was online before the restart */
	bool		attached;		/* told what it runs, since the restart */
	TimestampTz heartbeat;
	pg_atomic_uint64 fetched;
	pg_atomic_uint64 succeeded;
	pg_atomic_uint64 failed;
	pg_atomic_uint64 retried;
	pg_atomic_uint64 stale;
} CelWorker;

typedef struct CelShared
{
	LWLock	   *lock;
	Latch	   *launcher;		/* NULL while it is not running */
	int			launcher_pid;
	int			nsessions;
	TimestampTz started_at;		/* of this shared memory */
	pg_atomic_uint32 claims_full;	/* somebody found no room: see claim.c */
	pg_atomic_uint32 nlost;		/* claims whose session ended */
	pg_atomic_uint64 effort;	/* see turn.c */
	CelDatabase *databases;		/* celeriac_max_databases */
	CelSession *sessions;		/* nsessions */
	CelWorker  *workers;		/* celeriac_max_workers */
} CelShared;

extern CelShared *CelShmem;

extern Size celeriac_shmem_size(void);
extern void celeriac_shmem_startup(void);
extern void celeriac_shmem_require(void);

#endif							/* CELERIAC_SHMEM_SHMEM_H */
