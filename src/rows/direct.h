/*
 * direct.h
 *		Ending claimed tasks without SQL.
 */
#ifndef CELERIAC_ROWS_DIRECT_H
#define CELERIAC_ROWS_DIRECT_H

#include "base/names.h"

#include "base/delivery.h"
#include "base/relation.h"

typedef struct DirectEnds DirectEnds;

/*
 * Between enter and leave; NULL when only SQL does these tables justice.  The
 * row is sought where the claim says; false = not so found, or locked by
 * somebody: nothing was done, and SQL has to see to it.  What outcome and
 * ended point to must last until the end.
 */
extern DirectEnds *celeriac_direct_begin(const char *worker, TimestampTz done_at);
extern bool celeriac_direct_end(DirectEnds *direct, const Outcome *outcome,
								const RowPlace *place, Ended *ended);
extern void celeriac_direct_done(DirectEnds *direct);

#endif							/* CELERIAC_ROWS_DIRECT_H */
