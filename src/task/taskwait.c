/*
 * taskwait.c
 *		task_wait: until there is something to fetch.
 *
 * A session that wants many tasks also waits for a seat (turn.c), at those of
 * its queues that are crowded; at the others it waits for tasks.
 */
#include "base/names.h"

#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "rows/scan.h"
#include "session/definition.h"
#include "session/identity.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/turn.h"
#include "shmem/wake.h"
#include "task/fetch.h"
#include "task/taskfetch.h"

PG_FUNCTION_INFO_V1(task_wait);

static bool
queue_has_ready(ReadyScan *scan, QueueRef *queue)
{
	ReadyLevel	levels[CELERIAC_MAX_PRIORITY + 1];
	int			count = celeriac_queue(queue->name)->paused ? 0 :
		celeriac_fetch_levels(queue, levels);
	bool		found = false;

	for (int i = 0; i < count && !found; i++)
	{
		ReadyRow	row;

		celeriac_scan_start(scan, queue->name, levels[i].priority, levels[i].position);
		found = celeriac_scan_next(scan, &row);
	}
	return found;
}

/* What a look at queues finds; takes no claim. */
typedef enum Look
{
	LOOK_NOTHING,
	LOOK_CROWDED,				/* others take what is ready: see turn.c */
	LOOK_READY
} Look;

/* Not at those that are known to be crowded; NULL = none is. */
static Look
look(QueueRef *queues, const bool *crowded, int nqueues, int max)
{
	ReadyScan  *scan;
	Look		found = LOOK_NOTHING;

	if (!celeriac_dispatch_allowed() || celeriac_claim_full())
		return LOOK_NOTHING;
	scan = celeriac_scan_open();
	for (int i = 0; i < nqueues && found != LOOK_READY; i++)
	{
		if (crowded != NULL && crowded[i])
			continue;
		if (queue_has_ready(scan, &queues[i]))
			found = max < TURN_MIN || celeriac_turn_admits(&queues[i], true) ? LOOK_READY
				: LOOK_CROWDED;
	}
	celeriac_scan_close(scan);
	return found;
}

bool
celeriac_anything_ready(QueueRef *queues, int nqueues)
{
	return look(queues, NULL, nqueues, 1) == LOOK_READY;
}

/*
 * task_wait(queues, timeout, max)
 */
typedef struct TaskWait
{
	FunctionCallInfo fcinfo;
	bool		atomic;
	const char *const *names;
	QueueRef   *queues;
	int			nqueues;
	int			max;
	TimestampTz deadline;
	bool		crowded[CEL_MAX_WAIT_QUEUES];	/* all seats were taken */
	int			ncrowded;
	int			pause;			/* the last one, in ms */
} TaskWait;

static void
find_crowded(TaskWait *wait)
{
	wait->ncrowded = 0;
	for (int i = 0; i < wait->nqueues && wait->max >= TURN_MIN; i++)
	{
		wait->crowded[i] = !celeriac_turn_admits(&wait->queues[i], false);
		wait->ncrowded += wait->crowded[i];
	}
}

static bool
still_crowded(const TaskWait *wait)
{
	for (int i = 0; i < wait->nqueues; i++)
	{
		if (wait->crowded[i] && celeriac_turn_admits(&wait->queues[i], false))
			return false;
	}
	return true;
}

/* Be among the waiters before looking: see wake.c. */
static void
begin_wait(TaskWait *wait)
{
	do
	{
		find_crowded(wait);
		celeriac_wait_fetch_begin(wait->queues, wait->crowded, wait->nqueues, MAX_FETCH);
	} while (!still_crowded(wait));
}

static Look
look_around(TaskWait *wait)
{
	CelContext	context;
	Look		found;

	celeriac_enter(&context, wait->fcinfo);
	celeriac_require_queues(wait->names, wait->nqueues);
	found = look(wait->queues, wait->crowded, wait->nqueues, wait->max);
	celeriac_leave(&context);
	return found;
}

static void
give_up_seats(const TaskWait *wait)
{
	for (int i = 0; i < wait->nqueues && wait->max >= TURN_MIN; i++)
		celeriac_turn_give_up(&wait->queues[i]);
}

/* While a queue is crowded, look again now and then. */
static TimestampTz
look_again_at(TaskWait *wait)
{
	int			pause = 0;

	for (int i = 0; i < wait->nqueues; i++)
	{
		if (wait->crowded[i])
			pause = Max(pause, celeriac_turn_pause(&wait->queues[i], wait->pause));
	}
	wait->pause = pause;
	return wait->ncrowded == 0 ? wait->deadline :
		Min(wait->deadline, celeriac_time_after_ms(pause));
}

static void
wait_for_tasks(TaskWait *wait)
{
	for (;;)
	{
		Look		found = LOOK_NOTHING;

		begin_wait(wait);
		if (wait->ncrowded < wait->nqueues)
			found = look_around(wait);
		if (found == LOOK_READY)
			return;
		if (found == LOOK_CROWDED)
			continue;
		give_up_seats(wait);
		celeriac_wait_let_go(wait->atomic);
		(void) celeriac_wait_sleep(look_again_at(wait));
		if (wait->max < TURN_MIN || GetCurrentTimestamp() >= wait->deadline)
			return;
	}
}

/* As a procedure it can end its transaction, so that a long wait holds nothing back. */
Datum
task_wait(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	TaskWait	wait = {
		.fcinfo = fcinfo,
		.atomic = call == NULL || !IsA(call, CallContext) || call->atomic
	};

	for (int i = 0; i < 3; i++)
		celeriac_require_not_null(fcinfo, i, ((const char *[]) {"queues", "timeout", "max"})[i]);
	wait.names = (const char *const *)
		celeriac_text_array(PG_GETARG_ARRAYTYPE_P(0), "queues", &wait.nqueues);
	celeriac_require_queue_names(wait.names, wait.nqueues);
	wait.queues = celeriac_queue_refs(wait.names, wait.nqueues);
	wait.deadline = celeriac_wait_deadline(PG_GETARG_INTERVAL_P(1));
	wait.max = celeriac_fetch_limit(PG_GETARG_INT32(2));
	wait_for_tasks(&wait);
	celeriac_wait_end();
	PG_RETURN_NULL();
}
