/*
 * runner.c
 *		Running fetched tasks: call, outcome, commit.
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
#include "runner.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "bgw.h"
#include "catalog.h"
#include "children.h"
#include "claim.h"
#include "cmodule.h"
#include "compat.h"
#include "condition.h"
#include "errors.h"
#include "event.h"
#include "intask.h"
#include "limit.h"
#include "message.h"
#include "rootlock.h"
#include "shmem.h"
#include "sqlmap.h"
#include "uuid.h"
#include "xact.h"

/* How long and how many tasks share a transaction. */
#define SHARE_USEC		3000
#define MAX_SHARE		1024
#define MAX_WRITERS		(CELERIAC_MAX_SUBXACTS - 4)

/* Tasks faster than this may share; so much work is fetched at a time. */
#define SHORT_USEC		1000.0
#define BUDGET_USEC		20000.0

/* Paces remembered; then all are learned anew. */
#define MAX_PACES		10000

/* The tasks of one transaction, and what became of them. */
typedef struct Run
{
	RunTask    *tasks;
	int			count;			/* outcomes so far */
	int			writers;		/* of these, with a transaction id */
	bool		shares;			/* several may share the transaction */
	bool		full;			/* but none may join any more */
	bool		follows;		/* the transaction has ended others before */
	TimestampTz until;			/* then none joins */
	const char *sender;
	Outcome    *outcomes;
	ModuleText *texts;			/* what tasks of modules left behind */
} Run;

/* What a task took lately, by name. */
typedef struct Pace
{
	char		name[CELERIAC_NAME_LEN];	/* hash key */
	double		usec;
} Pace;

static const char *worker_name;
static int	worker_slot;
static HandFill fill_hand;
static MemoryContext run_context;
static HTAB *paces;
static double average_usec = SHORT_USEC;

/* So many of the tasks to come have failed together and run alone now. */
static int	alone = 0;

/* Names come from senders, so there may be any number of them. */
static void
create_paces(void)
{
	HASHCTL		info = {
		.keysize = CELERIAC_NAME_LEN,
		.entrysize = sizeof(Pace)
	};

	paces = hash_create("celeriac paces", 64, &info, HASH_ELEM | HASH_STRINGS);
}

void
celeriac_runner_init(const char *worker, HandFill fill)
{
	worker_name = worker;
	fill_hand = fill;
	worker_slot = celeriac_worker_slot(worker);
	run_context = AllocSetContextCreate(TopMemoryContext, "celeriac run",
										ALLOCSET_DEFAULT_SIZES);
	create_paces();
}

/*
 * Pace
 */
static void
note_pace(const char *name, TimestampTz started_at)
{
	double		usec = GetCurrentTimestamp() - started_at;
	bool		found;
	Pace	   *pace;

	if (hash_get_num_entries(paces) >= MAX_PACES)
	{
		hash_destroy(paces);
		create_paces();
	}
	pace = hash_search(paces, name, HASH_ENTER, &found);

	/* a long one is believed at once; the first is long by its planning */
	if (!found || usec > SHORT_USEC)
		pace->usec = usec;
	else
		pace->usec = (pace->usec + usec) / 2;
	average_usec += (Min(usec, 2 * SHORT_USEC) - average_usec) / 16;
}

bool
celeriac_run_is_short(const RunTask *task)
{
	Pace	   *pace = hash_search(paces, task->delivery->name, HASH_FIND, NULL);

	return pace != NULL && pace->usec < SHORT_USEC;
}

int
celeriac_run_budget(void)
{
	if (average_usec >= SHORT_USEC)
		return 1;
	return Min(BUDGET_USEC / Max(average_usec, 1.0), MAX_SHARE);
}

/*
 * Outcomes
 */
static char *
task_label(const Delivery *d)
{
	return psprintf("%s[%s]", d->name, celeriac_uuid_text(&d->id));
}

static void
end_with(Outcome *outcome, const char *state, const char *exc_type,
		 const char *message)
{
	outcome->state = state;
	outcome->result = NULL;
	outcome->exc_type = exc_type;
	outcome->exc_message = message;
	outcome->traceback = NULL;
}

static void
append_line(StringInfo buf, const char *title, const char *text)
{
	if (text != NULL)
		appendStringInfo(buf, "%s%s:  %s", buf->len > 0 ? "\n" : "", title, text);
}

/* What psql would show below the message; NULL = nothing. */
static char *
traceback(const ErrorData *error)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_line(&buf, "DETAIL", error->detail);
	append_line(&buf, "HINT", error->hint);
	append_line(&buf, "QUERY", error->internalquery);
	append_line(&buf, "CONTEXT", error->context);
	return buf.len > 0 ? buf.data : NULL;
}

static void
end_with_error(Outcome *outcome, const ErrorData *error)
{
	end_with(outcome, "FAILURE",
			 error->sqlerrcode == ERRCODE_CELERIAC_ARGUMENT_MISMATCH ? "TypeError" :
			 celeriac_condition_exc_type(error->sqlerrcode),
			 error->message ? error->message : "missing error text");
	outcome->traceback = traceback(error);
}

/*
 * A task that had to end, ends for that reason whatever its error was; after a
 * soft limit it may have gone on to fail for another one.
 */
static void
end_cancelled(Outcome *outcome, const Delivery *d, const ErrorData *error,
			  CancelReason reason)
{
	if (reason == CANCEL_HARD)
		end_with(outcome, "FAILURE", "TimeLimitExceeded",
				 psprintf("the task ran longer than its time limit of %g s", d->time_limit));
	else if (reason == CANCEL_TERMINATE)
		end_with(outcome, "REVOKED", "TaskRevokedError", "terminated");
	else if (reason == CANCEL_STOP)
		end_with(outcome, "PENDING", NULL, NULL);
	else if (reason == CANCEL_SOFT && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		end_with(outcome, "FAILURE", "SoftTimeLimitExceeded",
				 psprintf("the task ran longer than its soft time limit of %g s",
						  d->soft_time_limit));
		outcome->traceback = traceback(error);
	}
	else if (!celeriac_intask_outcome(error, outcome))
		end_with_error(outcome, error);
}

static void
log_outcome(const Delivery *d, const Outcome *outcome)
{
	int			elevel = strcmp(outcome->state, "FAILURE") == 0 ? LOG : DEBUG1;

	if (message_level_is_interesting(elevel))
		ereport(elevel,
				(errmsg("task %s ended as %s%s%s", task_label(d), outcome->state,
						outcome->exc_type ? ": " : "",
						outcome->exc_type ? outcome->exc_type : ""),
				 outcome->exc_message ? errdetail_internal("%s", outcome->exc_message) : 0,
				 errhidestmt(true), errhidecontext(true)));
}

/*
 * One SQL task
 */

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
	result = celeriac_sqlmap_call(task->function, d);
	MemoryContextSwitchTo(caller);
	result = copy_jsonb(result);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	settle_effects(run);
	return result;
}

/* It cannot be cancelled from here on. */
static CancelReason
leave_task(void)
{
	celeriac_intask_end();
	return celeriac_limit_end();
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
	celeriac_limit_begin(d->soft_time_limit, d->time_limit, has_company(run));
	outcome->result = call_function(run, task);
	outcome->state = "SUCCESS";
	AtEOXact_GUC(false, level);
	celeriac_intask_returned(outcome);
	reason = leave_task();
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
		CancelReason reason = leave_task();
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (reason == CANCEL_YIELD || blames_others(run, error))
			done = false;
		else
			end_cancelled(outcome, task->delivery, error, reason);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}

/*
 * An outcome without running it.  A claim that is not ours any more is found
 * out by the outcome being refused.
 */
static bool
ends_before_start(const RunTask *task, Outcome *outcome)
{
	const Delivery *d = task->delivery;
	Claim		claim;

	if (!celeriac_claim_get(&d->id, &claim) ||
		!celeriac_claim_started(&d->id, worker_slot, outcome->started_at))
		end_with(outcome, "PENDING", NULL, NULL);
	else if (claim.revoked)
		end_with(outcome, "REVOKED", "TaskRevokedError", "revoked");
	else if (task->module == NULL &&
			 (!OidIsValid(task->function) ||
			  !SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(task->function))))
		end_with(outcome, "FAILURE", "NotRegistered",
				 psprintf("task \"%s\" is not registered here",
						  celeriac_route(d->name, d->kwargs)));
	else
		return false;
	return true;
}

static void
start_outcome(Outcome *outcome, const Delivery *d)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->id = d->id;
	outcome->delivery = d->delivery;
	outcome->countdown = -1;
	outcome->started_at = GetCurrentTimestamp();
}

static bool
run_sql_task(Run *run, const RunTask *task)
{
	const Delivery *d = task->delivery;
	Outcome    *outcome = &run->outcomes[run->count];
	bool		done;

	start_outcome(outcome, d);
	celeriac_limit_next(&d->id);
	if (ends_before_start(task, outcome))
		return true;
	pgstat_report_activity(STATE_RUNNING, task_label(d));
	SetCurrentStatementStartTimestamp();
	done = run_in_subtransaction(run, task, outcome);
	celeriac_forget_session_state();
	note_pace(d->name, outcome->started_at);
	if (done)
		log_outcome(d, outcome);
	return done;
}

/*
 * The transaction around them
 */

/* What is done for all these tasks may take only the moment that they share. */
static void
limit_for_all(const Run *run)
{
	celeriac_limit_next(&run->tasks[0].delivery->id);
	celeriac_limit_begin(0, 0, true);
}

/*
 * Whose triggers take long, or for ever, cannot be told here: after a moment
 * each of the tasks has to run again alone, under its own limits.  Others may
 * follow, whose constraints are deferred as ever: not by SET CONSTRAINTS, which
 * holds until the transaction ends.
 */
static void
fire_shared_triggers(const Run *run)
{
	limit_for_all(run);
	celeriac_fire_deferred_triggers();
	(void) celeriac_limit_end();
}

static bool
may_join(const Run *run, const RunTask *task)
{
	return run->shares && !run->full && run->count < MAX_SHARE &&
		run->writers < MAX_WRITERS && !celeriac_bgw_stopping() &&
		task->module == NULL && celeriac_run_is_short(task) &&
		strcmp(task->delivery->sent_by, run->sender) == 0 &&
		GetCurrentTimestamp() < run->until;
}

/*
 * Who ends a member of a group holds others up.  What runs at most once is
 * begun only when that is durable.
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
		if (!run_sql_task(run, &run->tasks[run->count]))
			break;
		run->count++;
	} while (run->count < count &&
			 (run->follows ? may_follow : may_join) (run, &run->tasks[run->count]));

	if (run->shares)
		fire_shared_triggers(run);
	AtEOXact_GUC(false, level);
}

static bool
report(Outcome *outcomes, int count)
{
	CelContext	context;
	int			accepted;

	celeriac_enter_worker(&context);
	accepted = celeriac_children_finish(worker_name, outcomes, count);
	celeriac_leave(&context);
	return accepted == count;
}

void
celeriac_run_report(Outcome *outcomes, int count)
{
	celeriac_bgw_begin("celeriac: reporting outcomes");
	(void) report(outcomes, count);
	celeriac_bgw_commit();
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
	start_outcome(&run->outcomes[0], d);
	end_with(&run->outcomes[0], "FAILURE",
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
	fill_hand(spare);
	(void) celeriac_limit_end();
}

static bool
report_in_time(const Run *run)
{
	bool		accepted;

	limit_for_all(run);
	celeriac_rootlock_nowait(true);
	accepted = report(run->outcomes, run->count);
	celeriac_rootlock_nowait(false);
	(void) celeriac_limit_end();
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
		MemoryContextSwitchTo(run_context);
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
	AbortOutOfAnyTransaction();
	MemoryContextSwitchTo(run_context);
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
	celeriac_bgw_begin(task_label(run->tasks[0].delivery));
	MemoryContextSwitchTo(run_context);
	run->sender = run->tasks[0].delivery->sent_by;
	run->until = GetCurrentTimestamp() + SHARE_USEC;
	run_as_sender(run, count);
	accepted = report(run->outcomes, run->count);
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
		(void) leave_task();
		MemoryContextSwitchTo(run_context);
		error = CopyErrorData();
		FlushErrorState();
		roll_back();
		celeriac_forget_session_state();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	return error;
}

/*
 * Nobody else may end it either while we hold on to the claim of a task whose
 * outcome was refused.
 */
static void
drop_refused(const Delivery *d)
{
	Claim		claim;

	ereport(LOG,
			(errmsg("outcome of task %s was refused, its effects are rolled back",
					task_label(d))));
	if (celeriac_claim_get(&d->id, &claim) && claim.kind == CLAIM_SESSION &&
		claim.session == CELERIAC_MY_SLOT)
		celeriac_claim_release_own(&d->id);
}

/* It could not be committed: its result, or a check as late as that. */
static void
report_failed_commit(const Delivery *d, const ErrorData *error)
{
	Outcome		outcome;

	start_outcome(&outcome, d);
	end_with_error(&outcome, error);
	log_outcome(d, &outcome);
	celeriac_run_report(&outcome, 1);
}

static int
run_sql(RunTask *tasks, int count, bool shares, Hand *spare)
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
		drop_refused(tasks[0].delivery);
	return 1;
}

/*
 * Tasks of C modules: no transaction while they run, one for their outcomes.
 */
static void
end_module_task(Outcome *outcome, ModuleText *text, const Delivery *d,
				CancelReason reason)
{
	bool		stopped = (reason == CANCEL_STOP && strcmp(outcome->state, "REVOKED") == 0);

	if (reason == CANCEL_HARD || stopped)
		memset(text, 0, sizeof(*text));
	if (reason == CANCEL_HARD)
		end_with(outcome, "FAILURE", "TimeLimitExceeded",
				 psprintf("the task ran longer than its time limit of %g s", d->time_limit));
	/* it gave up because the executor stops, for which it sees no other sign */
	else if (stopped)
		end_with(outcome, "PENDING", NULL, NULL);
}

static void
run_module_task(Run *run, const RunTask *task)
{
	const Delivery *d = task->delivery;
	Outcome    *outcome = &run->outcomes[run->count];
	ModuleText *text = &run->texts[run->count];

	start_outcome(outcome, d);
	celeriac_limit_next(&d->id);
	memset(text, 0, sizeof(*text));
	if (ends_before_start(task, outcome))
		return;
	pgstat_report_activity(STATE_RUNNING, task_label(d));
	celeriac_limit_begin(d->soft_time_limit, d->time_limit, false);
	celeriac_cmodule_run(task->module, d, outcome, text);
	end_module_task(outcome, text, d, celeriac_limit_end());
	pgstat_report_activity(STATE_IDLE, NULL);
	note_pace(d->name, outcome->started_at);
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
		end_with_error(outcome, error);
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
	MemoryContextSwitchTo(run_context);
	for (int i = 0; i < run->count; i++)
		accept_module_result(&run->outcomes[i], &run->texts[i]);
	(void) report(run->outcomes, run->count);
	celeriac_bgw_commit();
	for (int i = 0; i < run->count; i++)
	{
		if (run->outcomes[i].accepted)
			log_outcome(run->tasks[i].delivery, &run->outcomes[i]);
		else
			drop_refused(run->tasks[i].delivery);
	}
}

static int
run_modules(RunTask *tasks, int count)
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
			 celeriac_run_is_short(&tasks[run.count]) &&
			 GetCurrentTimestamp() < until && !celeriac_bgw_stopping());
	report_modules(&run);
	return run.count;
}

/* An event cannot wait for the end of what it announces. */
static void
announce_started(const Delivery *d)
{
	TaskEvent	event = {
		.type = "task-started",
		.id = &d->id,
		.worker = worker_name,
		.retries = -1,
		.runtime = -1
	};

	celeriac_bgw_begin("celeriac: events");
	celeriac_event_task(&event);
	celeriac_bgw_commit();
}

static int
run_some(RunTask *tasks, int count, Hand *spare)
{
	bool		announce = celeriac_events_wanted();

	MemoryContextReset(run_context);
	if (announce)
		announce_started(tasks[0].delivery);
	MemoryContextSwitchTo(run_context);
	if (tasks[0].module != NULL)
		return run_modules(tasks, announce ? 1 : count);
	if (alone > 0)
	{
		alone--;
		return run_sql(tasks, 1, false, spare);
	}
	return run_sql(tasks, count, !announce && celeriac_run_is_short(&tasks[0]), spare);
}

void
celeriac_run(Hand *hand, Hand *spare)
{
	spare->count = spare->next = 0;
	hand->next += run_some(&hand->tasks[hand->next], hand->count - hand->next, spare);
}
