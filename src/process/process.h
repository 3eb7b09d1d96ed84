/*
 * process.h
 *		Which background workers of ours there are, and which databases they
 *		must stay out of.
 */
#ifndef CELERIAC_PROCESS_PROCESS_H
#define CELERIAC_PROCESS_PROCESS_H

#include "base/names.h"

#include "storage/condition_variable.h"
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
	int			parent;			/* pid of the process that asked for it */
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
extern void celeriac_process_forget(uint64 token);

/* for the workers themselves */
extern void celeriac_process_enter(void);
extern void celeriac_process_verdict(CelVerdict verdict);
extern bool celeriac_process_may_leave(void);
/* it was asked to make room for another */
extern bool celeriac_process_leaving(void);

/* ask the launcher to read pg_database again */
extern void celeriac_process_rescan(void);
extern bool celeriac_process_take_rescan(void);

/*
 * The table itself, for start.c and block.c; all of it under CelShared->lock.
 * Ended processes keep their entry until their parent has seen it.
 */
#define MAX_PROCESSES (2 * max_worker_processes)

typedef struct DatabaseBlock
{
	Oid			dboid;			/* InvalidOid = free */
	int			pid;
} DatabaseBlock;

typedef struct ProcessTable
{
	uint64		last_token;
	bool		rescan;			/* pg_database is to be read again */
	TimestampTz short_until;	/* somebody waits for room until then */
	ConditionVariable ended;	/* a process has ended */
	DatabaseBlock *blocks;		/* MaxBackends */
	CelProcess	processes[FLEXIBLE_ARRAY_MEMBER];
} ProcessTable;

extern ProcessTable *celeriac_processes;
extern uint64 celeriac_process_token;	/* our own, 0 = none */

extern CelProcess *celeriac_process_find(uint64 token);
extern CelProcess *celeriac_process_free(void);
extern void celeriac_process_remove(CelProcess *process);
extern int	celeriac_process_count(CelProcessKind kind, Oid dboid);
extern bool celeriac_process_is_blocked(Oid dboid);
/* to its database: how many executors there are now */
extern void celeriac_process_publish(Oid dboid);

#endif							/* CELERIAC_PROCESS_PROCESS_H */
