/*
 * duty.c
 *		What a coordinator does when it wakes: due, lost, expired, old.
 *
 * Each duty runs in transactions of its own, of a bounded size, and says when
 * it will be due again.  A coordinator that dies in between leaves nothing
 * half done: the next one finds the same work in the tables, and lost claims
 * stay in shared memory until a transaction that dealt with them committed.
 *
 * Nothing that others do may hold up all of it: rows they keep locked are left
 * for later, and a duty that fails is tried again after a pause of its own.
 */
#include "process/duty.h"

#include "base/guc.h"
#include "base/namelist.h"
#include "canvas/repair.h"
#include "process/backoff.h"
#include "process/bgw.h"
#include "process/due.h"
#include "process/lost.h"
#include "process/recover.h"
#include "process/rotate.h"
#include "shmem/database.h"
#include "task/fetch.h"
#include "task/worker.h"

static TimestampTz
mark_gone_workers(void)
{
	celeriac_workers_gone();
	return NEVER;
}

typedef struct Duty
{
	const char *activity;		/* NULL = it begins transactions itself */
	DutyFunction run;
} Duty;

static const Duty duties[] = {
	{"giving back lost tasks", celeriac_end_lost_claims},
	{"ending tasks that run at most once", celeriac_end_unacked},
	{"making delayed tasks ready", celeriac_make_due},
	{"ending leases", celeriac_end_leases},
	{"ending expired tasks", celeriac_end_expired},
	{"removing old results", celeriac_remove_old_results},
	{"noting workers that are gone", mark_gone_workers},
	{"looking through canvases", celeriac_repair},
	{NULL, celeriac_rotate_messages},
	{NULL, celeriac_rotate_results},
};

/* An error is reported, and this duty pauses; the others go on. */
static TimestampTz
run_duty(int number)
{
	static CelBackoff failures[lengthof(duties)];
	const Duty *duty = &duties[number];
	MemoryContext context = CurrentMemoryContext;
	volatile TimestampTz next = NEVER;

	if (celeriac_backoff_left(&failures[number]) > 0)
		return failures[number].until;
	PG_TRY();
	{
		next = duty->activity == NULL ? duty->run() :
			celeriac_bgw_in_transaction(duty->activity, duty->run);
		celeriac_backoff_reset(&failures[number]);
	}
	PG_CATCH();
	{
		celeriac_bgw_recover();
		celeriac_backoff_fail(&failures[number]);
		next = failures[number].until;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return next;
}

TimestampTz
celeriac_duty_run(void)
{
	TimestampTz next = celeriac_end_attaching();

	/* whatever comes meanwhile must not find us believing in an old time */
	pg_atomic_write_u64(&celeriac_my_database()->service.due, (uint64) NEVER);
	for (int i = 0; i < lengthof(duties); i++)
		next = Min(next, run_duty(i));
	return next;
}

/*
 * Executors
 */
/* what look_for_work found */
static bool executors_needed;

static TimestampTz
look_for_work(void)
{
	List	   *queues = celeriac_queue_list(celeriac_queues);
	ListCell   *cell;

	executors_needed = false;
	foreach(cell, queues)
	{
		QueueRef	queue = celeriac_queue_ref(lfirst(cell));

		if (celeriac_anything_ready(&queue, 1))
			executors_needed = true;
	}
	return NEVER;
}

bool
celeriac_duty_executors_needed(void)
{
	(void) celeriac_bgw_in_transaction("looking for work of executors", look_for_work);
	return executors_needed;
}
