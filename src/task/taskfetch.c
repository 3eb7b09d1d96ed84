/*
 * taskfetch.c
 *		task_fetch, and the checks of what fetching functions are given.
 */
#include "task/taskfetch.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/compat.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "rows/message.h"
#include "rows/remember.h"
#include "session/definition.h"
#include "session/identity.h"
#include "shmem/session.h"
#include "shmem/wake.h"
#include "shmem/workers.h"
#include "task/fetch.h"

PG_FUNCTION_INFO_V1(task_fetch);

/*
 * SQL
 */
void
celeriac_require_queue_names(const char *const *queues, int nqueues)
{
	if (nqueues == 0 || nqueues > CEL_MAX_WAIT_QUEUES)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("queues must name between 1 and %d queues", CEL_MAX_WAIT_QUEUES)));
	for (int i = 0; i < nqueues; i++)
		celeriac_require_queue_name(queues[i]);
}

void
celeriac_require_queues(const char *const *queues, int nqueues)
{
	celeriac_require_queue_names(queues, nqueues);
	for (int i = 0; i < nqueues; i++)
	{
		if (!celeriac_queue(queues[i])->known)
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_UNKNOWN_QUEUE),
					 errmsg("queue \"%s\" does not exist", queues[i]),
					 errhint("A queue is created by the first task sent to it, or by task_queue_create.")));
	}
}

int
celeriac_fetch_limit(int max)
{
	if (max < 1 || max > MAX_FETCH)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("max must be between 1 and %d", MAX_FETCH)));
	return max;
}

TimestampTz
celeriac_wait_deadline(Interval *wait)
{
	double		seconds = celeriac_interval_seconds(wait);

	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("wait must not be negative")));
	if (seconds > INT_MAX)
		return NEVER;
	return GetCurrentTimestamp() + (TimestampTz) (seconds * USECS_PER_SEC);
}

/*
 * While it sleeps, the session has no SPI connection, and is not the extension's
 * owner.
 */
static int
fetch_or_wait(CelContext *context, FunctionCallInfo fcinfo, const char *worker,
			  QueueRef *queues, int nqueues, int max, double lease,
			  TimestampTz deadline, Delivery **deliveries)
{
	int			count = celeriac_fetch(worker, queues, nqueues, max, lease, deliveries);

	if (count > 0 || deadline <= GetCurrentTimestamp())
		return count;
	celeriac_wait_fetch_begin(queues, NULL, nqueues, max);
	for (;;)
	{
		bool		again;

		pfree(*deliveries);
		count = celeriac_fetch(worker, queues, nqueues, max, lease, deliveries);
		if (count > 0)
			break;
		celeriac_leave(context);
		again = celeriac_wait_sleep(deadline);
		AcceptInvalidationMessages();
		celeriac_enter(context, fcinfo);
		if (!again)
			break;
	}
	celeriac_wait_end();
	return count;
}

static double
lease_seconds(FunctionCallInfo fcinfo, int number)
{
	double		seconds;

	if (PG_ARGISNULL(number))
		return -1;
	seconds = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(number));
	if (seconds <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("lease must be greater than zero"),
				 errhint("Pass NULL for claims that last as long as the session.")));
	return seconds;
}

/* task_fetch(worker, queues, max, wait, lease) */
Datum
task_fetch(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	const char *worker;
	char	  **queues;
	Delivery   *deliveries;
	int			nqueues;
	int			max;
	int			count;
	double		lease;

	for (int i = 0; i < 4; i++)
		celeriac_require_not_null(fcinfo, i, ((const char *[])
											  {"worker", "queues", "max", "wait"})[i]);
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	celeriac_require_worker_name(worker);
	max = celeriac_fetch_limit(PG_GETARG_INT32(2));
	lease = lease_seconds(fcinfo, 4);

	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	queues = celeriac_text_array(PG_GETARG_ARRAYTYPE_P(1), "queues", &nqueues);
	celeriac_require_queues((const char *const *) queues, nqueues);
	if (lease < 0)
		celeriac_session_set_worker(celeriac_require_worker_slot(worker));
	count = fetch_or_wait(&context, fcinfo, worker,
						  celeriac_queue_refs((const char *const *) queues, nqueues),
						  nqueues, max, lease,
						  celeriac_wait_deadline(PG_GETARG_INTERVAL_P(3)), &deliveries);
	celeriac_leave(&context);
	for (int i = 0; i < count; i++)
	{
		if (lease < 0)
			celeriac_remember_claimed(&deliveries[i].id);
		else
			celeriac_remember_delivery(worker, &deliveries[i]);
		celeriac_put_delivery(rsinfo, &deliveries[i]);
	}
	PG_RETURN_NULL();
}
