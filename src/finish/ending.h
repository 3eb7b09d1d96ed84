/*
 * ending.h
 *		The tasks of one call that are about to end, found by their ids.
 */
#ifndef CELERIAC_FINISH_ENDING_H
#define CELERIAC_FINISH_ENDING_H

#include "base/names.h"

#include "base/delivery.h"
#include "base/relation.h"

/* By which right a task is ended. */
typedef enum Hold
{
	HOLD_NONE,
	HOLD_SESSION,
	HOLD_LEASE,
	HOLD_OWN					/* no fence: this transaction's claim */
} Hold;

/* What becomes of it. */
typedef enum Action
{
	ACTION_REFUSE,
	ACTION_END,
	ACTION_REPLACE,
	ACTION_RETRY,
	ACTION_REQUEUE
} Action;

typedef struct Ending
{
	Outcome    *outcome;
	Hold		hold;
	Action		action;
	uint64		claim;			/* HOLD_SESSION: its serial */
	RowPlace	place;			/* and where the row was */
	bool		revoked;		/* somebody asked the claim's holder to stop */
	bool		have_row;
	bool		leased;			/* by a lease that is not over */
	bool		waiting;		/* for other tasks */
	Delivery	row;
	int			lost;			/* ACTION_REQUEUE: losses so far, 0 =
								 * unchanged */
	TimestampTz eta;			/* ACTION_RETRY */
} Ending;

extern Ending *celeriac_new_endings(Outcome *outcomes, int count, Hold hold);

/* by id; of several for one id the one that may count comes first */
extern Ending **celeriac_sort_endings(Ending *items, int count);
extern Ending *celeriac_find_ending(Ending **sorted, int count, const pg_uuid_t *id);
/* by id alone, as memcmp */
extern int	celeriac_compare_endings(const Ending *a, const Ending *b);

#endif							/* CELERIAC_FINISH_ENDING_H */
