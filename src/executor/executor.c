/*
 * executor.c
 *		A background worker that runs the tasks whose function lives in the
 *		database.
 *
 * An executor is a worker like any other, named executor@database/pid: it
 * waits outside of any transaction, fetches with session claims, runs what it
 * got (together.c, runmodule.c), and reports in the transaction that did the work.
 *
 * If it dies, its claims are lost with its session, and the coordinator sees
 * to that.  On SIGTERM it stops the task it runs, rolls it back, and gives
 * everything back (stop.c).
 */
#include "base/names.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/guc.h"
#include "base/uuid.h"
#include "executor/cmodule.h"
#include "executor/hand.h"
#include "executor/pace.h"
#include "executor/run.h"
#include "executor/runmodule.h"
#include "executor/stop.h"
#include "executor/together.h"
#include "process/bgw.h"
#include "process/entry.h"
#include "process/process.h"
#include "sdk/states.h"
#include "session/event.h"
#include "shmem/session.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"
#include "shmem/workers.h"

static Hand hands[2];
static Hand *hand = &hands[0];
static Hand *spare = &hands[1]; /* for what comes while the other is run */

static void
hand_back_all(void)
{
	int			left = hand->count - hand->next;
	Outcome    *outcomes = MemoryContextAlloc(hand->context, (left + 1) * sizeof(Outcome));
	int			written = 0;

	for (; hand->next < hand->count; hand->next++)
	{
		Delivery   *d = hand->tasks[hand->next].delivery;

		if (celeriac_hand_put_back(d))
			continue;
		celeriac_outcome_init(&outcomes[written], &d->id, OUTCOME_PENDING, NULL, NULL);
		outcomes[written++].delivery = d->delivery;
	}
	if (written > 0)
		celeriac_run_report(outcomes, written);
}

/* Idle long enough, and not the last: the coordinator starts another in need. */
static void
leave_if_idle(void)
{
	if (!celeriac_bgw_stopping() && celeriac_process_may_leave())
	{
		celeriac_wait_end();
		proc_exit(0);
	}
}

static void
wait_for_tasks(void)
{
	TimestampTz until = celeriac_time_after_ms(celeriac_executor_idle_timeout);

	celeriac_hand_wait_begin();
	while (!celeriac_hand_fetch(hand) && !celeriac_bgw_stopping())
	{
		celeriac_stop_idle();
		(void) pgstat_report_stat(true);
		if (!celeriac_wait_sleep(until))
		{
			if (GetCurrentTimestamp() < until)
				break;
			leave_if_idle();
			/* it is the last: executors that come after it leave before it */
			until = NEVER;
		}
		celeriac_stop_busy();
	}
	celeriac_wait_end();
	celeriac_stop_busy();
}

/*
 * A task that can neither be committed nor ended as a failure is lost, so that
 * it cannot keep us from all others.
 */
static void
give_up(void)
{
	Delivery   *d = hand->tasks[hand->next].delivery;

	celeriac_hand_put_back_rest(hand);
	ereport(FATAL,
			(errmsg("could not write the outcome of task %s[%s]",
					d->name, celeriac_uuid_text(&d->id))));
}

static void
change_hands(void)
{
	Hand	   *empty = hand;

	hand = spare;
	spare = empty;
}

/* An event cannot wait for the end of what it announces. */
static void
announce(const Delivery *d)
{
	celeriac_bgw_begin("celeriac: events");
	celeriac_announce_started(celeriac_executor_name, &d->id, 0);
	celeriac_bgw_commit();
}

static int
run_some(RunTask *tasks, int count)
{
	bool		wanted = celeriac_events_wanted();

	MemoryContextReset(celeriac_run_context);
	if (wanted)
		announce(tasks[0].delivery);
	MemoryContextSwitchTo(celeriac_run_context);
	if (tasks[0].module != NULL)
		return celeriac_run_modules(tasks, wanted ? 1 : count);
	return celeriac_run_together(tasks, count, !wanted, spare);
}

/*
 * Run the next task in hand, and others after it that can share its
 * transaction.  Both hands tell what is left to do.
 */
static void
run_hand(void)
{
	spare->count = spare->next = 0;
	hand->next += run_some(&hand->tasks[hand->next], hand->count - hand->next);
}

/* One round of the executor's loop; it never asks to sleep between them. */
static long
work(void)
{
	static bool unfinished = false;

	if (unfinished)
		give_up();
	celeriac_stop_busy();
	if (hand->next >= hand->count)
	{
		if (celeriac_process_leaving())
			proc_exit(0);
		celeriac_hand_read_queues();
		if (!celeriac_hand_fetch(hand))
			wait_for_tasks();
		return 0;
	}
	if (!celeriac_pace_is_short(hand->tasks[hand->next].delivery->name))
		celeriac_hand_put_back_rest(hand);
	unfinished = true;
	run_hand();
	unfinished = false;
	if (hand->next >= hand->count)
		change_hands();
	return 0;
}

/*
 * Start and end
 */
static void
become_worker(void)
{
	CelSession *session;
	int			slot;

	celeriac_bgw_begin("celeriac: starting");
	snprintf(celeriac_executor_name, sizeof(celeriac_executor_name), "executor@%s/%d",
			 get_database_name(MyDatabaseId), MyProcPid);
	celeriac_bgw_commit();

	session = celeriac_my_session();
	slot = celeriac_worker_slot(celeriac_executor_name);
	if (slot < 0)
		ereport(FATAL,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another worker"),
				 errhint("Raise celeriac.max_workers and restart the server.")));
	session->executor = true;
	celeriac_session_set_worker(slot);
	celeriac_executor_slot = slot;
}

/* What ends a wait early, also that of a task of ours. */
static bool
is_called_away(void)
{
	return ShutdownRequestPending || ConfigReloadPending || celeriac_process_leaving();
}

void
celeriac_executor_main(Datum arg)
{
	celeriac_bgw_start();
	celeriac_bgw_connect(DatumGetObjectId(arg));
	become_worker();
	celeriac_stop_init();
	celeriac_pace_init();
	celeriac_hand_init(hands, lengthof(hands));
	celeriac_run_context = AllocSetContextCreate(TopMemoryContext, "celeriac run",
												 ALLOCSET_DEFAULT_SIZES);
	celeriac_wait_interrupt = is_called_away;
	celeriac_cmodule_load();
	celeriac_bgw_loop(work);
	hand_back_all();
	proc_exit(0);
}
