/*
 * hand.c
 *		What an executor has claimed: fetched, looked up, put back.
 *
 * It has in hand what takes about twenty milliseconds.  Before it begins a
 * task that may take longer, it gives back the others: a session claim is
 * given back in memory, and the task keeps its place in the queue.
 */
#include "executor/hand.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "base/delivery.h"
#include "base/guc.h"
#include "executor/cmodule.h"
#include "executor/pace.h"
#include "process/bgw.h"
#include "rows/message.h"
#include "session/definition.h"
#include "session/identity.h"
#include "shmem/claim.h"
#include "shmem/ready.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"
#include "task/fetch.h"

char		celeriac_executor_name[CELERIAC_NAME_LEN];
int			celeriac_executor_slot = -1;

/* the queues to serve, in a context that lives as long as the setting */
static MemoryContext queue_context;
static QueueRef *queues;
static int	nqueues;

void
celeriac_hand_init(Hand *hands, int count)
{
	for (int i = 0; i < count; i++)
		hands[i].context = AllocSetContextCreate(TopMemoryContext, "celeriac hand",
												 ALLOCSET_DEFAULT_SIZES);
	queue_context = AllocSetContextCreate(TopMemoryContext, "celeriac queues",
										  ALLOCSET_SMALL_SIZES);
}

void
celeriac_hand_read_queues(void)
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

void
celeriac_hand_wait_begin(void)
{
	celeriac_wait_fetch_begin(queues, NULL, nqueues, celeriac_pace_budget());
}

static void
look_up(RunTask *task, Delivery *delivery)
{
	task->delivery = delivery;
	task->module = OidIsValid(delivery->function) ? NULL :
		celeriac_cmodule_find(celeriac_defining_name(delivery->name, delivery->kwargs));
}

void
celeriac_hand_fill(Hand *hand)
{
	CelContext	context;
	Delivery   *deliveries;

	hand->count = hand->next = 0;
	MemoryContextReset(hand->context);
	celeriac_enter_worker(&context);
	MemoryContextSwitchTo(hand->context);
	hand->count = celeriac_fetch(celeriac_executor_name, queues, nqueues,
								 celeriac_pace_budget(), -1, &deliveries);
	hand->tasks = palloc_extended((hand->count + 1) * sizeof(RunTask), MCXT_ALLOC_HUGE);
	for (int i = 0; i < hand->count; i++)
		look_up(&hand->tasks[i], &deliveries[i]);
	celeriac_leave(&context);
}

/* The extension may be dropped at any time; the coordinator then stops us. */
bool
celeriac_hand_fetch(Hand *hand)
{
	hand->count = hand->next = 0;
	celeriac_bgw_begin("celeriac: fetching tasks");
	if (celeriac_identify_by_name())
		celeriac_hand_fill(hand);
	celeriac_bgw_commit();
	return hand->count > 0;
}

bool
celeriac_hand_put_back(const Delivery *d)
{
	if (celeriac_acks_early(d) || !celeriac_claim_give_back(&d->id))
		return false;
	celeriac_ready_push_back(d->queue, d->priority, d->ready);
	celeriac_wake_fetch(celeriac_queue_hash(d->queue), 1);
	celeriac_wake_for_room();
	return true;
}

void
celeriac_hand_put_back_rest(Hand *hand)
{
	int			kept = hand->next + 1;

	for (int i = hand->next + 1; i < hand->count; i++)
	{
		if (!celeriac_hand_put_back(hand->tasks[i].delivery))
			hand->tasks[kept++] = hand->tasks[i];
	}
	hand->count = kept;
}
