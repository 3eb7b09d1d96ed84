/*
 * executor.c
 *		A background worker that runs the tasks whose function lives in the
 *		database.
 *
 * An executor is a worker like any other, named executor@database/pid: it
 * waits outside of any transaction, fetches with session claims, runs what it
 * got (runner.c), and reports in the transaction that did the work.
 *
 * It has in hand what takes about twenty milliseconds.  Before it begins a
 * task that may take longer, it gives back the others: a session claim is
 * given back in memory, and the task keeps its place in the queue.
 *
 * If it dies, its claims are lost with its session, and the coordinator sees
 * to that.  On SIGTERM it stops the task it runs, rolls it back, and gives
 * everything back (limit.c).
 */
#include "launcher.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "argument.h"
#include "bgw.h"
#include "catalog.h"
#include "claim.h"
#include "cmodule.h"
#include "delivery.h"
#include "errors.h"
#include "finish.h"
#include "guc.h"
#include "limit.h"
#include "message.h"
#include "process.h"
#include "ready.h"
#include "runner.h"
#include "shmem.h"
#include "sqlmap.h"
#include "uuid.h"
#include "wake.h"

static char worker_name[CELERIAC_NAME_LEN];

static Hand hands[2];
static Hand *hand = &hands[0];
static Hand *spare = &hands[1]; /* for what comes while the other is run */

/* the queues to serve, in a context that lives as long as the setting */
static MemoryContext queue_context;
static QueueRef *queues;
static int	nqueues;

static void
read_queues(void)
{
	List	   *names;
	ListCell   *cell;
	MemoryContext old;

	MemoryContextReset(queue_context);
	old = MemoryContextSwitchTo(queue_context);
	nqueues = 0;
	if (!SplitGUCList(pstrdup(celeriac_queues), ',', &names))
		ereport(LOG,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list syntax in parameter \"%s\"", "celeriac.queues")));
	queues = palloc(Max(list_length(names), 1) * sizeof(QueueRef));
	foreach(cell, names)
	{
		if (nqueues < CEL_MAX_WAIT_QUEUES)
			queues[nqueues++] = celeriac_queue_ref(lfirst(cell));
	}
	for (int i = 0; i < nqueues; i++)
		celeriac_wake_serves(&queues[i]);
	MemoryContextSwitchTo(old);
}

/*
 * Fetching
 */
static void
look_up(RunTask *task, Delivery *delivery)
{
	const char *name = celeriac_route(delivery->name, delivery->kwargs);
	const Definition *definition = celeriac_definition(name);

	task->delivery = delivery;
	task->function = definition->known ? definition->function : InvalidOid;
	task->module = OidIsValid(task->function) ? NULL :
		celeriac_cmodule_find(name);
}

static void
take_in_hand(Hand *h)
{
	CelContext	context;
	Delivery   *deliveries;

	h->count = h->next = 0;
	MemoryContextReset(h->context);
	celeriac_enter_worker(&context);
	MemoryContextSwitchTo(h->context);
	h->count = celeriac_fetch(worker_name, queues, nqueues, celeriac_run_budget(), -1,
							  &deliveries);
	h->tasks = palloc_extended((h->count + 1) * sizeof(RunTask), MCXT_ALLOC_HUGE);
	for (int i = 0; i < h->count; i++)
		look_up(&h->tasks[i], &deliveries[i]);
	celeriac_leave(&context);
}

/* The extension may be dropped at any time; the coordinator then stops us. */
static bool
fetch(void)
{
	hand->count = hand->next = 0;
	celeriac_bgw_begin("celeriac: fetching tasks");
	if (celeriac_catalog_lookup())
		take_in_hand(hand);
	celeriac_bgw_commit();
	return hand->count > 0;
}

/*
 * Giving back
 */

/* In memory; false for a task about which something has to be written. */
static bool
put_back(const Delivery *d)
{
	if (celeriac_acks_early(d) || !celeriac_claim_give_back(&d->id))
		return false;
	celeriac_ready_push_back(d->queue, d->priority, d->ready);
	celeriac_wake_fetch(celeriac_queue_hash(d->queue), 1);
	celeriac_wake_for_room();
	return true;
}

/* All but the next; those that cannot be put back stay in hand. */
static void
put_back_rest(void)
{
	int			kept = hand->next + 1;

	for (int i = hand->next + 1; i < hand->count; i++)
	{
		if (!put_back(hand->tasks[i].delivery))
			hand->tasks[kept++] = hand->tasks[i];
	}
	hand->count = kept;
}

static void
hand_back_all(void)
{
	int			left = hand->count - hand->next;
	Outcome    *outcomes = MemoryContextAlloc(hand->context, (left + 1) * sizeof(Outcome));
	int			written = 0;

	for (; hand->next < hand->count; hand->next++)
	{
		Delivery   *d = hand->tasks[hand->next].delivery;

		if (put_back(d))
			continue;
		celeriac_outcome_init(&outcomes[written], &d->id, "PENDING", NULL, NULL);
		outcomes[written++].delivery = d->delivery;
	}
	if (written > 0)
		celeriac_run_report(outcomes, written);
}

/*
 * Waiting
 */

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

	celeriac_wait_fetch_begin(queues, NULL, nqueues, celeriac_run_budget());
	while (!fetch() && !celeriac_bgw_stopping())
	{
		celeriac_limit_idle();
		(void) pgstat_report_stat(true);
		if (!celeriac_wait_sleep(until))
		{
			if (GetCurrentTimestamp() < until)
				break;
			leave_if_idle();
			/* who comes after this one leaves before it */
			until = NEVER;
		}
		celeriac_limit_busy();
	}
	celeriac_wait_end();
	celeriac_limit_busy();
}

/*
 * A task that can neither be committed nor ended as a failure is lost, so that
 * it cannot keep us from all others.
 */
static void
give_up(void)
{
	Delivery   *d = hand->tasks[hand->next].delivery;

	put_back_rest();
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

/* One round of the executor's loop; it never asks to sleep between them. */
static long
work(void)
{
	static bool unfinished = false;

	if (unfinished)
		give_up();
	celeriac_limit_busy();
	if (hand->next >= hand->count)
	{
		if (celeriac_process_leaving())
			proc_exit(0);
		read_queues();
		if (!fetch())
			wait_for_tasks();
		return 0;
	}
	if (!celeriac_run_is_short(&hand->tasks[hand->next]))
		put_back_rest();
	unfinished = true;
	celeriac_run(hand, spare);
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
	snprintf(worker_name, sizeof(worker_name), "executor@%s/%d",
			 get_database_name(MyDatabaseId), MyProcPid);
	celeriac_bgw_commit();

	session = celeriac_my_session();
	slot = celeriac_worker_slot(worker_name);
	if (slot < 0)
		ereport(FATAL,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another worker"),
				 errhint("Raise celeriac.max_workers and restart the server.")));
	session->executor = true;
	celeriac_session_set_worker(slot);
}

void
celeriac_executor_main(Datum arg)
{
	celeriac_bgw_start();
	celeriac_bgw_connect(DatumGetObjectId(arg));
	become_worker();
	celeriac_limit_init();
	celeriac_runner_init(worker_name, take_in_hand);
	celeriac_cmodule_load();
	for (int i = 0; i < lengthof(hands); i++)
		hands[i].context = AllocSetContextCreate(TopMemoryContext, "celeriac hand",
												 ALLOCSET_DEFAULT_SIZES);
	queue_context = AllocSetContextCreate(TopMemoryContext, "celeriac queues",
										  ALLOCSET_SMALL_SIZES);
	celeriac_bgw_loop(work);
	hand_back_all();
	proc_exit(0);
}
