/*
 * runmodule.c
 *		Tasks of C modules: no transaction while they run, one for their outcomes.
 */
#include "executor/runmodule.h"

#include "access/xact.h"
#include "pgstat.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/delivery.h"
#include "executor/cmodule.h"
#include "executor/hand.h"
#include "executor/pace.h"
#include "executor/run.h"
#include "executor/runsql.h"
#include "executor/stop.h"
#include "executor/verdict.h"
#include "process/bgw.h"
#include "sdk/states.h"

static void
end_module_task(Outcome *outcome, ModuleText *text, const Delivery *d,
				CancelReason reason)
{
	bool		stopped = (reason == CANCEL_STOP && outcome->state == OUTCOME_REVOKED);

	if (reason == CANCEL_HARD || stopped)
		memset(text, 0, sizeof(*text));
	if (reason == CANCEL_HARD)
		celeriac_end_with(outcome, OUTCOME_FAILURE, EXC_TIME_LIMIT,
						  psprintf("the task ran longer than its time limit of %g s", d->time_limit));
	/* it gave up because the executor stops, for which it sees no other sign */
	else if (stopped)
		celeriac_end_with(outcome, OUTCOME_PENDING, NULL, NULL);
}

static void
run_module_task(Run *run, const RunTask *task)
{
	const Delivery *d = task->delivery;
	Outcome    *outcome = &run->outcomes[run->count];
	ModuleText *text = &run->texts[run->count];

	celeriac_start_outcome(outcome, d);
	celeriac_stop_next(&d->id);
	memset(text, 0, sizeof(*text));
	if (celeriac_ends_before_start(task, outcome))
		return;
	pgstat_report_activity(STATE_RUNNING, celeriac_task_label(d));
	celeriac_stop_begin(d->soft_time_limit, d->time_limit, false);
	celeriac_cmodule_run(task->module, d, outcome, text);
	end_module_task(outcome, text, d, celeriac_stop_end());
	pgstat_report_activity(STATE_IDLE, NULL);
	celeriac_pace_note(d->name, outcome->started_at);
}

/* In a subtransaction: what a module returns may be no text, or no jsonb. */
static void
accept_module_result(Outcome *outcome, const ModuleText *text)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		celeriac_cmodule_accept(outcome, text);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		celeriac_end_with_error(outcome, error);
		outcome->sent = outcome->added = NIL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

/* They have run: an outcome that is refused is only logged. */
static void
report_modules(Run *run)
{
	celeriac_bgw_begin("celeriac: reporting outcomes");
	MemoryContextSwitchTo(celeriac_run_context);
	for (int i = 0; i < run->count; i++)
		accept_module_result(&run->outcomes[i], &run->texts[i]);
	(void) celeriac_report(run->outcomes, run->count);
	celeriac_bgw_commit();
	for (int i = 0; i < run->count; i++)
	{
		if (run->outcomes[i].accepted)
			celeriac_log_outcome(run->tasks[i].delivery, &run->outcomes[i]);
		else
			celeriac_drop_refused(run->tasks[i].delivery);
	}
}

int
celeriac_run_modules(RunTask *tasks, int count)
{
	TimestampTz until = GetCurrentTimestamp() + SHARE_USEC;
	Run			run = {.tasks = tasks};

	count = Min(count, MAX_SHARE);
	run.outcomes = palloc(count * sizeof(Outcome));
	run.texts = palloc(count * sizeof(ModuleText));
	do
	{
		run_module_task(&run, &tasks[run.count]);
		run.count++;
	} while (run.count < count && tasks[run.count].module != NULL &&
			 celeriac_pace_is_short(tasks[run.count].delivery->name) &&
			 GetCurrentTimestamp() < until && !celeriac_bgw_stopping());
	report_modules(&run);
	return run.count;
}
