/*
 * finish.h
 *		Ending tasks: outcomes of workers, and ends that others decide.
 */
#ifndef CELERIAC_FINISH_H
#define CELERIAC_FINISH_H

#include "base/names.h"

#include "base/delivery.h"

extern void celeriac_outcome_init(Outcome *outcome, const pg_uuid_t *id,
								  const char *state, const char *exc_type,
								  const char *exc_message);

/*
 * End tasks whose claims this transaction holds; no fence.  With give_back,
 * session claims are released at commit (transient ones are anyway).
 */
extern uint64 celeriac_end_claimed(Outcome *outcomes, int count, bool give_back);

/*
 * Tasks whose worker is gone: redeliver them, or end them when they must not
 * be tried again.  The claims are this transaction's, or lost ones.  Those
 * whose row is locked are not waited for; who is done with is accepted.
 */
extern void celeriac_end_lost(Outcome *outcomes, int count);

/*
 * Delete their messages and insert their results, nothing else: whoever calls it
 * finds the results' rows in SPI_tuptable, and does what follows.
 */
extern uint64 celeriac_end_outcomes(Outcome *const *outcomes, int count,
									const char *worker, TimestampTz done_at);

#endif							/* CELERIAC_FINISH_H */
