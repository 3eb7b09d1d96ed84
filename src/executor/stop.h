/*
 * stop.h
 *		Stopping what an executor runs: time limits, revokes, shutdown.
 */
#ifndef CELERIAC_EXECUTOR_STOP_H
#define CELERIAC_EXECUTOR_STOP_H

#include "base/names.h"

/*
 * Why a task was asked to stop.  Of several reasons the highest counts, but a
 * user's cancel after a soft time limit does.
 */
typedef enum CancelReason
{
	CANCEL_NONE,
	CANCEL_YIELD,				/* it holds up those before it */
	CANCEL_USER,				/* pg_cancel_backend() */
	CANCEL_SOFT,				/* soft time limit */
	CANCEL_STOP,				/* the executor is to stop */
	CANCEL_TERMINATE,			/* task_revoke(terminate => true) */
	CANCEL_HARD					/* hard time limit */
} CancelReason;

/* after celeriac_bgw_start and connecting: signals, timers, exit hook */
extern void celeriac_stop_init(void);

/* between these a timer ticks: while there is work, not while idle */
extern void celeriac_stop_busy(void);
extern void celeriac_stop_idle(void);

/*
 * The task that is run next.  Whoever revokes it marks its claim first and then
 * names it here: so look at the claim after this call.
 */
extern void celeriac_stop_next(const pg_uuid_t *id);

/*
 * It may be cancelled from now on, and may run so long: seconds, 0 = no limit.
 * One that shares its transaction with tasks before it has to yield after a
 * moment.
 */
extern void celeriac_stop_begin(double soft, double hard, bool shares);

/* It cannot be cancelled any more; why it was asked to stop, if it was. */
extern CancelReason celeriac_stop_end(void);

/* of the running task */
extern bool celeriac_stop_soft_reached(void);
extern bool celeriac_stop_requested(void);

#endif							/* CELERIAC_EXECUTOR_STOP_H */
