/*
 * finish.c
 *		Applying outcomes: fence, decide, write.
 *
 * Fence: an outcome counts only from the worker and delivery number that hold
 * the claim, in shared memory (session claim) or in the row (a lease that is
 * not over).  Others are refused and counted.
 *
 * Decide: a success needs nothing but the delete and insert; the rest reads
 * its row first (and locks it), because retries, losses and limits count.
 *
 * Write: successes without SQL, as long as their rows are where the claims say
 * (direct.c); then three statements at most, for the others that end, those to
 * be tried again later, and those that go back to the queue.  Session claims
 * are given back when the transaction has committed; if it aborts, they stay,
 * and the worker may report again.
 */
#include "finish/finish.h"

#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/delivery.h"
#include "canvas/rootlock.h"
#include "finish/decide.h"
#include "finish/ending.h"
#include "finish/fence.h"
#include "finish/settle.h"
#include "sdk/states.h"
#include "session/statement.h"
#include "session/xact.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/shmem.h"
#include "shmem/turn.h"
#include "shmem/workers.h"

/* A claim whose message is gone (purged, say) is of no use to anyone either. */
static int
release_accepted(Ending *items, int count)
{
	int			accepted = 0;

	for (int i = 0; i < count; i++)
	{
		if (items[i].outcome->accepted)
			accepted++;
		if (items[i].hold == HOLD_SESSION)
			celeriac_xact_release(&items[i].outcome->id, items[i].claim);
	}
	return accepted;
}

static void
count_outcomes(int slot, const Ending *items, int count, int accepted)
{
	CelWorker  *worker = slot < 0 ? NULL : &CelShmem->workers[slot];

	if (accepted < count)
		pg_atomic_fetch_add_u64(&celeriac_my_database()->stale_outcomes, count - accepted);
	if (worker == NULL)
		return;
	for (int i = 0; i < count; i++)
	{
		if (!items[i].outcome->accepted)
			pg_atomic_fetch_add_u64(&worker->stale, 1);
		else if (items[i].action == ACTION_RETRY)
			pg_atomic_fetch_add_u64(&worker->retried, 1);
		else if (items[i].outcome->state == OUTCOME_SUCCESS)
			pg_atomic_fetch_add_u64(&worker->succeeded, 1);
		else if (items[i].outcome->state == OUTCOME_FAILURE)
			pg_atomic_fetch_add_u64(&worker->failed, 1);
	}
}

int
celeriac_finish(const char *worker, Outcome *outcomes, int count)
{
	int			slot = celeriac_worker_slot(worker);
	Ending	   *items = celeriac_new_endings(outcomes, count, HOLD_NONE);
	Ending	  **sorted = celeriac_sort_endings(items, count);
	TimestampTz began = GetCurrentTimestamp();
	int			accepted;

	for (int i = 0; i < count; i++)
		celeriac_fence_by_claim(&items[i], slot);
	celeriac_refuse_doubles(sorted, count);
	celeriac_read_rows(STMT_READ_ROW, sorted, count, worker);
	celeriac_refuse_doubles(sorted, count);
	for (int i = 0; i < count; i++)
		celeriac_decide(&items[i]);
	celeriac_write_ended(sorted, count, worker);
	celeriac_write_retries(sorted, count);
	celeriac_write_requeued(sorted, count);
	accepted = release_accepted(items, count);
	count_outcomes(slot, items, count, accepted);
	if (count >= TURN_MIN)
		celeriac_turn_effort(began);
	return accepted;
}

uint64
celeriac_end_claimed(Outcome *outcomes, int count, bool give_back)
{
	Ending	   *items = celeriac_new_endings(outcomes, count, HOLD_OWN);
	Ending	  **sorted = celeriac_sort_endings(items, count);
	const pg_uuid_t **ids = palloc_extended((count + 1) * sizeof(pg_uuid_t *),
											MCXT_ALLOC_HUGE);
	uint64		rows;

	for (int i = 0; i < count; i++)
	{
		items[i].action = ACTION_END;
		ids[i] = &outcomes[i].id;
	}
	celeriac_rootlock_waiting(ids, count);
	rows = celeriac_write_ended(sorted, count, NULL);
	for (int i = 0; give_back && i < count; i++)
	{
		Claim		claim;

		if (celeriac_claim_get(&outcomes[i].id, &claim))
			celeriac_xact_release(&outcomes[i].id, claim.serial);
	}
	return rows;
}

/*
 * Asked when the row is locked.  By then a worker that reported on the task
 * before its claim was lost may have committed and given back the claim, and
 * another worker may have the task again.
 */
static bool
still_lost(const Outcome *outcome, const Claim *claim)
{
	if (claim->kind == CLAIM_TRANSIENT)
		return claim->session == CELERIAC_MY_SLOT;
	return claim->kind == CLAIM_LOST && claim->delivery == outcome->delivery;
}

/*
 * What waits for others had been begun in a transaction that made it ready, and
 * was rolled back: it is begun again when they have ended.
 */
void
celeriac_end_lost(Outcome *outcomes, int count)
{
	Ending	   *items = celeriac_new_endings(outcomes, count, HOLD_OWN);
	Ending	  **sorted = celeriac_sort_endings(items, count);

	celeriac_read_rows(STMT_READ_ROW_FREE, sorted, count, "");
	for (int i = 0; i < count; i++)
	{
		Claim		claim;

		if (items[i].leased || !celeriac_claim_get(&outcomes[i].id, &claim) ||
			!still_lost(&outcomes[i], &claim))
			items[i].hold = HOLD_NONE;
		else if (claim.revoked)
			items[i].revoked = true;
		if (items[i].waiting && !items[i].revoked)
			items[i].hold = HOLD_NONE;
		celeriac_decide(&items[i]);
	}
	celeriac_write_ended(sorted, count, NULL);
	celeriac_write_requeued(sorted, count);
}
