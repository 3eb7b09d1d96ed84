/*
 * runsql.c
 *		One SQL task: its function called in a subtransaction.
 */
#include "executor/runsql.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "call/sqlmap.h"
#include "executor/hand.h"
#include "executor/pace.h"
#include "executor/run.h"
#include "executor/stop.h"
#include "executor/verdict.h"
#include "sdk/states.h"
#include "session/definition.h"
#include "shmem/claim.h"
#include "task/intask.h"

/*
 * The end of a task's effects.  Dropping a temporary table that has events
 * pending would fail, so they are not deferred any longer then.
 */
static void
settle_effects(Run *run)
{
	bool		temporary = celeriac_used_temporary_objects();

	if (!run->shares || temporary)
		celeriac_constraints_immediate();
	celeriac_close_cursors();
	if (temporary)
		celeriac_drop_temporary_objects();
	run->full |= temporary || celeriac_intask_constraints_set();
}

static Jsonb *
copy_jsonb(const Jsonb *json)
{
	Jsonb	   *copy;

	if (json == NULL)
		return NULL;
	copy = palloc(VARSIZE(json));
	memcpy(copy, json, VARSIZE(json));
	return copy;
}

static Jsonb *
call_function(Run *run, const RunTask *task)
{
	MemoryContext caller = CurrentMemoryContext;
	const Delivery *d = task->delivery;
	Jsonb	   *result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = celeriac_sqlmap_call(d);
	MemoryContextSwitchTo(caller);
	result = copy_jsonb(result);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	settle_effects(run);
	return result;
}

CancelReason
celeriac_leave_task(void)
{
	celeriac_intask_end();
	return celeriac_stop_end();
}

static bool
has_company(const Run *run)
{
	return run->follows || run->count > 0;
}

/* With settings that end with the task, as an error ends them as well. */
static void
call_task(Run *run, const RunTask *task, Outcome *outcome)
{
	const Delivery *d = task->delivery;
	int			level = NewGUCNestLevel();
	CancelReason reason;

	celeriac_intask_begin(d);
	celeriac_stop_begin(d->soft_time_limit, d->time_limit, has_company(run));
	outcome->result = call_function(run, task);
	outcome->state = OUTCOME_SUCCESS;
	AtEOXact_GUC(false, level);
	celeriac_intask_returned(outcome);
	reason = celeriac_leave_task();
	if (reason == CANCEL_YIELD || reason >= CANCEL_TERMINATE)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("the task ended only after it was cancelled")));
}

/*
 * Errors that may be due to the tasks that share the transaction.  One of them
 * may have run without having ended: who asks for its result asks too early.
 */
static bool
blames_others(const Run *run, const ErrorData *error)
{
	return has_company(run) &&
		(error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		 error->sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		 error->sqlerrcode == ERRCODE_CELERIAC_WOULD_HANG);
}

/* False when it has to run again alone; it has left no trace then. */
static bool
run_in_subtransaction(Run *run, const RunTask *task, Outcome *outcome)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		call_task(run, task, outcome);
		if (TransactionIdIsValid(GetCurrentTransactionIdIfAny()))
			run->writers++;
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		CancelReason reason = celeriac_leave_task();
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (reason == CANCEL_YIELD || blames_others(run, error))
			done = false;
		else
			celeriac_end_cancelled(outcome, task->delivery, error, reason);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

bool
celeriac_ends_before_start(const RunTask *task, Outcome *outcome)
{
	const Delivery *d = task->delivery;
	Claim		claim;

	if (!celeriac_claim_get(&d->id, &claim) ||
		!celeriac_claim_started(&d->id, celeriac_executor_slot, outcome->started_at))
		celeriac_end_with(outcome, OUTCOME_PENDING, NULL, NULL);
	else if (claim.revoked)
		celeriac_end_with(outcome, OUTCOME_REVOKED, EXC_REVOKED, REVOKED_PLAIN);
	else if (task->module == NULL &&
			 (!OidIsValid(d->function) ||
			  !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(d->function))))
		celeriac_end_with(outcome, OUTCOME_FAILURE, EXC_NOT_REGISTERED,
						  psprintf("task \"%s\" is not registered here",
								   celeriac_defining_name(d->name, d->kwargs)));
	else
		return false;
	return true;
}

bool
celeriac_run_sql_task(Run *run, const RunTask *task)
{
	const Delivery *d = task->delivery;
	Outcome    *outcome = &run->outcomes[run->count];
	bool		done;

	celeriac_start_outcome(outcome, d);
	celeriac_stop_next(&d->id);
	if (celeriac_ends_before_start(task, outcome))
		return true;
	pgstat_report_activity(STATE_RUNNING, celeriac_task_label(d));
	SetCurrentStatementStartTimestamp();
	done = run_in_subtransaction(run, task, outcome);
	celeriac_forget_session_state();
	celeriac_pace_note(d->name, outcome->started_at);
	if (done)
		celeriac_log_outcome(d, outcome);
	return done;
}
