/*
 * bgw.c
 *		What all our background workers do alike.
 *
 * A background worker never dies of an error in its work: it reports it,
 * aborts the transaction and tries again after a pause.  It does end when
 * told to, when the postmaster dies, and of FATAL errors; then its parent
 * starts another.
 */
#include "process/bgw.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "storage/sinval.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "base/compat.h"
#include "process/backoff.h"
#include "process/process.h"
#include "session/identity.h"

/*
 * Settings that ALTER DATABASE or ALTER ROLE could change under us, and that
 * would make our own statements fail or mean something else.  Not every
 * server has all of them.
 */
static const char *const fixed_settings[][2] = {
	{"default_transaction_isolation", "read committed"},
	{"default_transaction_read_only", "off"},
	{"default_transaction_deferrable", "off"},
	{"statement_timeout", "0"},
	{"lock_timeout", "0"},
	{"idle_in_transaction_session_timeout", "0"},
	{"transaction_timeout", "0"},
	{"session_replication_role", "origin"},
	{"zero_damaged_pages", "off"},
};

/* where we were before the transaction: its end forgets that up to 16 */
static MemoryContext outer_context;

/* Asked to stop: at the next check for interrupts, or between two rounds. */
static void
handle_sigterm(SIGNAL_ARGS)
{
	ShutdownRequestPending = true;
	die(postgres_signal_arg);
}

void
celeriac_bgw_start(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, handle_sigterm);
	BackgroundWorkerUnblockSignals();
	celeriac_process_enter();
}

void
celeriac_bgw_connect(Oid dboid)
{
	BackgroundWorkerInitializeConnectionByOid(dboid, InvalidOid, 0);
	for (size_t i = 0; i < lengthof(fixed_settings); i++)
	{
		const char *name = fixed_settings[i][0];

		if (GetConfigOption(name, true, false) != NULL)
			SetConfigOption(name, fixed_settings[i][1], PGC_SUSET,
							PGC_S_OVERRIDE);
	}
}

void
celeriac_bgw_begin(const char *activity)
{
	outer_context = CurrentMemoryContext;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	debug_query_string = activity;
	pgstat_report_activity(STATE_RUNNING, activity);
}

void
celeriac_bgw_commit(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(outer_context);
	debug_query_string = NULL;
	(void) pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
}

void
celeriac_bgw_recover(void)
{
	ErrorData  *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	FlushErrorState();
	celeriac_abort();
	MemoryContextSwitchTo(TopMemoryContext);
	QueryCancelPending = false;
	debug_query_string = NULL;
	pgstat_report_activity(STATE_IDLE, NULL);
	RESUME_INTERRUPTS();

	error->elevel = LOG;
	ThrowErrorData(error);
	FreeErrorData(error);
}

bool
celeriac_bgw_stopping(void)
{
	return ShutdownRequestPending;
}

/*
 * Sleep on the latch and then handle what has arrived meanwhile (interrupts,
 * reload); milliseconds, -1 = for ever.  A worker that stops returns before the
 * check for interrupts, which would end it with a FATAL error in the log.
 */
static void
sleep_on_latch(long timeout_ms)
{
	int			events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

	if (timeout_ms != 0)
		(void) pgstat_report_stat(true);
	if (timeout_ms >= 0)
		events |= WL_TIMEOUT;
	(void) WaitLatch(MyLatch, events, timeout_ms, celeriac_wait_event(WAITS_FOR_WORK));
	ResetLatch(MyLatch);
	if (celeriac_bgw_stopping())
		return;
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/* One round; false = it failed. */
static bool
run_work(long (*work) (void), MemoryContext context, long *sleep_ms)
{
	volatile bool ok = true;

	PG_TRY();
	{
		sleep_on_latch(*sleep_ms);
		if (!celeriac_bgw_stopping())
		{
			MemoryContextReset(context);
			MemoryContextSwitchTo(context);
			*sleep_ms = work();
		}
	}
	PG_CATCH();
	{
		/*
		 * first, because a timer that fires later would ask for another
		 * cancel
		 */
		disable_all_timeouts(false);
		celeriac_bgw_recover();
		ok = false;
	}
	PG_END_TRY();
	return ok;
}

static long
do_nothing(void)
{
	return 0;
}

void
celeriac_bgw_loop(long (*work) (void))
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "celeriac work",
												  ALLOCSET_DEFAULT_SIZES);
	CelBackoff	errors = {0};
	long		sleep_ms = 0;

	while (!celeriac_bgw_stopping())
	{
		if (run_work(work, context, &sleep_ms))
		{
			celeriac_backoff_reset(&errors);
			continue;
		}
		celeriac_backoff_fail(&errors);

		/* the pause is not cut short by what wakes us for more work */
		while (!celeriac_bgw_stopping() &&
			   (sleep_ms = celeriac_backoff_left(&errors)) > 0)
			(void) run_work(do_nothing, context, &sleep_ms);
	}
}

TimestampTz
celeriac_bgw_in_transaction(const char *activity, DutyFunction duty)
{
	CelContext	context;
	TimestampTz next;

	celeriac_bgw_begin(activity);
	celeriac_enter_worker(&context);
	next = duty();
	celeriac_leave(&context);
	celeriac_bgw_commit();
	return next;
}
