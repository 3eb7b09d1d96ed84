/*
 * found.h
 *		What duties have in common: tasks found by a statement, and claimed.
 */
#ifndef CELERIAC_PROCESS_FOUND_H
#define CELERIAC_PROCESS_FOUND_H

#include "base/names.h"

#include "base/delivery.h"
#include "sdk/states.h"

/* Rows that a duty deals with in one transaction. */
#define BATCH	1000

/* A scan of the whole table is not made more often than that. */
#define SCAN_MS		5000

/* the first column of the first row that the last statement returned */
extern Datum celeriac_first_datum(bool *isnull);

/* when to look again for what is due then, or by now but held by somebody */
extern TimestampTz celeriac_next_try(TimestampTz due);

/*
 * Claim for this transaction the tasks whose ids the last statement returned in
 * so many rows, and begin their outcomes.  Returns how many there are: a task
 * that somebody holds is left to its holder.
 */
extern int	celeriac_claim_found(uint64 rows, OutcomeState state,
								 const char *exc_type, const char *message,
								 Outcome *outcomes);

#endif							/* CELERIAC_PROCESS_FOUND_H */
