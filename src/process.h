/*
 * process.h
 *		Which background workers of ours there are, and who must stay out of
 *		which database.
 */
#ifndef CELERIAC_PROCESS_H
#define CELERIAC_PROCESS_H

#include "celeriac.h"

#include "storage/latch.h"

typedef enum CelProcessKind
{
	PROCESS_COORDINATOR,
	PROCESS_EXECUTOR
} CelProcessKind;

typedef enum CelProcessState
{
	PROCESS_FREE,
	PROCESS_STARTING,			/* becomes RUNNING, ENDED or FREE (called off) */
	PROCESS_RUNNING,			/* becomes LEAVING or ENDED */
	PROCESS_LEAVING,			/* was idle, or asked to end; becomes FREE */
	PROCESS_ENDED				/* by itself; FREE once its parent has seen it */
} CelProcessState;

/* What a coordinator has found in its database. */
typedef enum CelVerdict
{
	VERDICT_NONE,				/* did not get that far */
	VERDICT_ABSENT,
	VERDICT_PRESENT
} CelVerdict;

typedef struct CelProcess
{
	uint64		token;			/* names this start; never used again */
	CelProcessState state;
	CelProcessKind kind;
	CelVerdict	verdict;		/* of a coordinator */
	Oid			dboid;
	int			pid;			/* 0 = not running */
	Latch	   *latch;			/* to wake it, while it runs */
	int			parent;			/* pid of who asked for it */
	TimestampTz started_at;		/* 0 = never ran */
} CelProcess;

typedef enum CelStartResult
{
	START_OK,
	START_BLOCKED,				/* someone needs the database for itself */
	START_NO_SLOT				/* max_worker_processes reached */
} CelStartResult;

extern Size celeriac_process_shmem_size(void);
extern void celeriac_process_shmem_startup(void);

/* for parents: the launcher of coordinators, a coordinator of executors */
extern CelStartResult celeriac_process_start(CelProcessKind kind, Oid dboid);
extern CelProcess *celeriac_process_list(int *count);
extern void celeriac_process_forget(uint64 token);
extern void celeriac_process_terminate(Oid dboid);
extern bool celeriac_process_stop_executors(Oid dboid, long timeout_ms);

/* for the workers themselves */
extern void celeriac_process_enter(void);
extern void celeriac_process_verdict(CelVerdict verdict);
extern bool celeriac_process_may_leave(void);
/* it was asked to make room for another */
extern bool celeriac_process_leaving(void);

/* for who needs a database without us, until the end of its transaction */
extern void celeriac_process_block(Oid dboid);
extern void celeriac_process_unblock(void);

/* ask the launcher to read pg_database again */
extern void celeriac_process_rescan(void);
extern bool celeriac_process_take_rescan(void);

#endif							/* CELERIAC_PROCESS_H */
