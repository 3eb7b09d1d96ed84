/*
 * finish.h
 *		Ending tasks: outcomes of workers, and ends that others decide.
 */
#ifndef CELERIAC_FINISH_FINISH_H
#define CELERIAC_FINISH_FINISH_H

#include "base/names.h"

#include "base/delivery.h"

/*
 * Apply outcomes of a worker, in one go; between enter and leave.  Returns how
 * many were accepted.
 */
extern int	celeriac_finish(const char *worker, Outcome *outcomes, int count);

/*
 * End tasks whose claims this transaction holds; no fence.  With give_back,
 * session claims are released at commit (transient ones are anyway).
 */
extern uint64 celeriac_end_claimed(Outcome *outcomes, int count, bool give_back);

/*
 * Tasks whose worker is gone: redeliver them, or end them when they must not
 * be tried again.  The claims are this transaction's, or lost ones.  Rows that
 * are locked are not waited for; the outcomes of tasks done with are accepted.
 */
extern void celeriac_end_lost(Outcome *outcomes, int count);

#endif							/* CELERIAC_FINISH_FINISH_H */
