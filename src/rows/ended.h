/*
 * ended.h
 *		Messages deleted and their results inserted, by statement.
 */
#ifndef CELERIAC_ROWS_ENDED_H
#define CELERIAC_ROWS_ENDED_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "base/delivery.h"

/* A task that has ended just now. */
typedef struct EndedRow
{
	const pg_uuid_t *id;
	Jsonb	   *options;		/* of its message; NULL = none */
	const char *sent_by;
	const pg_uuid_t *root_id;	/* NULL = itself */
} EndedRow;

/*
 * Delete their messages and insert their results, nothing else: what follows is
 * the caller's.  Returns how many there were, and their rows.
 */
extern uint64 celeriac_end_outcomes(Outcome *const *outcomes, int count,
									const char *worker, TimestampTz done_at,
									EndedRow **rows);

#endif							/* CELERIAC_ROWS_ENDED_H */
