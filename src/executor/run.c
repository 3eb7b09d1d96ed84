/*
 * run.c
 *		What all ways of running tasks have in common: outcomes written, and those
 *		that were refused.
 */
#include "executor/run.h"

#include "base/compat.h"
#include "base/delivery.h"
#include "executor/hand.h"
#include "executor/verdict.h"
#include "finish/outcome.h"
#include "process/bgw.h"
#include "session/identity.h"
#include "shmem/claim.h"

MemoryContext celeriac_run_context;

bool
celeriac_report(Outcome *outcomes, int count)
{
	CelContext	context;
	int			accepted;

	celeriac_enter_worker(&context);
	accepted = celeriac_outcomes_apply(celeriac_executor_name, outcomes, count);
	celeriac_leave(&context);
	return accepted == count;
}

void
celeriac_run_report(Outcome *outcomes, int count)
{
	celeriac_bgw_begin("celeriac: reporting outcomes");
	(void) celeriac_report(outcomes, count);
	celeriac_bgw_commit();
}

void
celeriac_drop_refused(const Delivery *d)
{
	Claim		claim;

	ereport(LOG,
			(errmsg("outcome of task %s was refused, its effects are rolled back",
					celeriac_task_label(d))));
	if (celeriac_claim_get(&d->id, &claim) && claim.kind == CLAIM_SESSION &&
		claim.session == CELERIAC_MY_SLOT)
		celeriac_claim_release_own(&d->id);
}
