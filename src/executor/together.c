/*
 * together.c
 *		Running SQL tasks: call, outcome, commit; short ones share a transaction.
 *
 * A SQL task runs in a subtransaction, as the role that sent it.  Its error
 * rolls the subtransaction back and becomes its outcome; the outcome is written
 * by the transaction around it.  So effects and result commit together, and
 * when the outcome is refused (the claim was lost meanwhile) all is rolled
 * back.
 *
 * The role is kept until the transaction has committed, because deferred
 * triggers run that late; with SECURITY_LOCAL_USERID_CHANGE, so that neither
 * SET ROLE nor SET SESSION AUTHORIZATION leads out of it.  Deferred triggers
 * are fired before the subtransaction ends: their failure is the task's.  Then
 * everything a task could leave to the next one is removed: settings, cursors,
 * temporary objects, prepared statements, advisory locks.
 *
 * Short tasks of one role share a transaction for a few milliseconds, each in
 * its own subtransaction: the commit is what costs.  Only tasks join that took
 * little time before; one that takes longer than expected is cancelled, rolled
 * back, and run again alone.  Deferred triggers are then fired once for all,
 * and whatever goes wrong outside of the subtransactions is undone by running
 * each of these tasks again alone.
 *
 * A short task that is the next step of a canvas joins the transaction that
 * ended the one before: what that made ready is claimed by the same transaction
 * and run, for as long as tasks share one.  Until the commit nobody else knows
 * that it is ready, and after a rollback it still waits.  Such a transaction
 * has ended tasks and goes on: it waits for no lock of a canvas, but gives up
 * and does one step at a time.  A task that sent others is not followed up, for
 * the next step may wait for those.
 *
 * A transaction takes in no more writing tasks than its process can announce
 * as subtransactions without overflow.
 */
#include "executor/together.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/condition.h"
#include "base/delivery.h"
#include "canvas/rootlock.h"
#include "executor/hand.h"
#include "executor/pace.h"
#include "executor/run.h"
#include "executor/runsql.h"
#include "executor/stop.h"
#include "executor/verdict.h"
#include "process/bgw.h"
#include "rows/message.h"
#include "sdk/states.h"
#include "session/xact.h"

#define MAX_WRITERS		(CELERIAC_MAX_SUBXACTS - 4)

/* So many of the tasks to come have failed together and run alone now. */
static int	alone = 0;

/* What is done for all these tasks may take only the moment that they share. */
static void
limit_for_all(const Run *run)
{
	celeriac_stop_next(&run->tasks[0].delivery->id);
	celeriac_stop_begin(0, 0, true);
}

/*
 * Which task's triggers take long, or for ever, cannot be told here: after a
 * moment each of the tasks has to run again alone, under its own limits.  SET
 * CONSTRAINTS would hold until the transaction ends, and tasks may follow whose
 * constraints are deferred as ever: so the triggers are fired without it.
 */
static void
fire_shared_triggers(const Run *run)
{
	limit_for_all(run);
	celeriac_fire_deferred_triggers();
	(void) celeriac_stop_end();
}

static bool
may_join(const Run *run, const RunTask *task)
{
	return run->shares && !run->full && run->count < MAX_SHARE &&
		run->writers < MAX_WRITERS && !celeriac_bgw_stopping() &&
		task->module == NULL && celeriac_pace_is_short(task->delivery->name) &&
		strcmp(task->delivery->sent_by, run->sender) == 0 &&
		GetCurrentTimestamp() < run->until;
}

/*
 * A transaction that ends a member of a group holds up all that end others.  A
 * task that runs at most once is begun only when its begin is durable.
 */
static bool
may_follow(const Run *run, const RunTask *task)
{
	return may_join(run, task) && !task->delivery->has_group &&
		!celeriac_acks_early(task->delivery);
}

/* As the sender's role; what triggers set ends with the tasks. */
static void
run_sql_tasks(Run *run, int count)
{
	int			level = NewGUCNestLevel();

	run->count = 0;
	do
	{
		if (!celeriac_run_sql_task(run, &run->tasks[run->count]))
			break;
		run->count++;
	} while (run->count < count &&
			 (run->follows ? may_follow : may_join) (run, &run->tasks[run->count]));

	if (run->shares)
		fire_shared_triggers(run);
	AtEOXact_GUC(false, level);
}

static void
run_as_sender(Run *run, int count)
{
	const Delivery *d = run->tasks[0].delivery;
	Oid			role = get_role_oid(d->sent_by, true);

	if (OidIsValid(role))
	{
		SetUserIdAndSecContext(role, SECURITY_LOCAL_USERID_CHANGE);
		run_sql_tasks(run, count);
		return;
	}
	run->full = true;
	celeriac_start_outcome(&run->outcomes[0], d);
	celeriac_end_with(&run->outcomes[0], OUTCOME_FAILURE,
					  celeriac_condition_exc_type(ERRCODE_UNDEFINED_OBJECT),
					  psprintf("role \"%s\", which sent the task, does not exist", d->sent_by));
	run->count = 1;
}

/*
 * Others may wait for what this transaction has ended, and it for them, by a
 * way that the locks' order does not see.  So after a moment it gives up.
 */
static void
fill_in_time(const Run *run, Hand *spare)
{
	limit_for_all(run);
	celeriac_hand_fill(spare);
	(void) celeriac_stop_end();
}

static bool
report_in_time(const Run *run)
{
	bool		accepted;

	limit_for_all(run);
	celeriac_rootlock_nowait(true);
	accepted = celeriac_report(run->outcomes, run->count);
	celeriac_rootlock_nowait(false);
	(void) celeriac_stop_end();
	return accepted;
}

/* False when an outcome was refused. */
static bool
run_next_steps(const Run *before, Hand *spare)
{
	Run			run = *before;
	bool		accepted = true;

	run.follows = true;
	while (accepted && run.shares && spare->next == spare->count &&
		   GetCurrentTimestamp() < run.until &&
		   celeriac_xact_next_steps() && !celeriac_rootlock_held())
	{
		CommandCounterIncrement();
		fill_in_time(&run, spare);
		MemoryContextSwitchTo(celeriac_run_context);
		run.tasks = spare->tasks;
		run.count = 0;
		if (spare->count == 0 || !may_follow(&run, &run.tasks[0]))
			break;
		run.outcomes = palloc(Min(spare->count, MAX_SHARE) * sizeof(Outcome));
		run_sql_tasks(&run, spare->count);
		accepted = report_in_time(&run);
		spare->next = run.count;
	}
	return accepted;
}

static void
roll_back(void)
{
	celeriac_rootlock_nowait(false);
	celeriac_abort();
	MemoryContextSwitchTo(celeriac_run_context);
	debug_query_string = NULL;
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* One transaction: false when an outcome was refused, and all rolled back. */
static bool
run_transaction(Run *run, int count, Hand *spare)
{
	Oid			user;
	int			sec_context;
	bool		accepted;

	GetUserIdAndSecContext(&user, &sec_context);
	celeriac_bgw_begin(celeriac_task_label(run->tasks[0].delivery));
	MemoryContextSwitchTo(celeriac_run_context);
	run->sender = run->tasks[0].delivery->sent_by;
	run->until = GetCurrentTimestamp() + SHARE_USEC;
	run_as_sender(run, count);
	accepted = celeriac_report(run->outcomes, run->count);
	if (accepted && run->count == count)
		accepted = run_next_steps(run, spare);
	if (accepted)
	{
		celeriac_bgw_commit();
		SetUserIdAndSecContext(user, sec_context);
	}
	else
		roll_back();
	return accepted;
}

/*
 * The error that an attempt ended with, or NULL.  It is not logged here: the
 * tasks run again, or it becomes the outcome.
 */
static ErrorData *
try_transaction(Run *run, int count, Hand *spare, bool *accepted)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		*accepted = run_transaction(run, count, spare);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		(void) celeriac_leave_task();
		MemoryContextSwitchTo(celeriac_run_context);
		error = CopyErrorData();
		FlushErrorState();
		roll_back();
		celeriac_forget_session_state();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	return error;
}

/* It could not be committed: its result, or a check as late as that. */
static void
report_failed_commit(const Delivery *d, const ErrorData *error)
{
	Outcome		outcome;

	celeriac_start_outcome(&outcome, d);
	celeriac_end_with_error(&outcome, error);
	celeriac_log_outcome(d, &outcome);
	celeriac_run_report(&outcome, 1);
}

static int
run_tasks(RunTask *tasks, int count, bool shares, Hand *spare)
{
	Run			run = {.tasks = tasks, .shares = shares};
	bool		accepted = false;
	ErrorData  *error;

	run.outcomes = palloc(Min(count, MAX_SHARE) * sizeof(Outcome));
	error = try_transaction(&run, shares ? count : 1, spare, &accepted);
	if (error == NULL && accepted)
		return run.count;
	if (shares)
	{
		alone = Max(run.count, 1);
		return 0;
	}
	if (error != NULL)
		report_failed_commit(tasks[0].delivery, error);
	else
		celeriac_drop_refused(tasks[0].delivery);
	return 1;
}

int
celeriac_run_together(RunTask *tasks, int count, bool shares, Hand *spare)
{
	if (alone > 0)
	{
		alone--;
		return run_tasks(tasks, 1, false, spare);
	}
	return run_tasks(tasks, count,
					 shares && celeriac_pace_is_short(tasks[0].delivery->name), spare);
}
