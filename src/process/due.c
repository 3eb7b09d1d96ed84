/*
 * due.c
 *		Time: delayed tasks, expired ones, old results.
 */
#include "process/due.h"

#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/guc.h"
#include "finish/finish.h"
#include "process/found.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"

/* The one timestamp a statement returns; NEVER when there is none. */
static TimestampTz
next_time(CelStatement statement)
{
	bool		isnull;
	Datum		value;

	if (celeriac_exec(statement, NULL, NULL) == 0)
		return NEVER;
	value = celeriac_first_datum(&isnull);
	return isnull ? NEVER : DatumGetTimestampTz(value);
}

/* Delayed tasks whose time has come join the tail of their queue. */
TimestampTz
celeriac_make_due(void)
{
	Datum		limit = Int64GetDatum(BATCH);

	if (celeriac_exec(STMT_DUE, &limit, NULL) == BATCH)
		return GetCurrentTimestamp();
	return celeriac_next_try(next_time(STMT_NEXT_DUE));
}

/* Tasks that nobody began in time end as REVOKED. */
TimestampTz
celeriac_end_expired(void)
{
	Datum		limit = Int64GetDatum(BATCH);
	Outcome    *outcomes = palloc(BATCH * sizeof(Outcome));
	uint64		rows = celeriac_exec(STMT_EXPIRED, &limit, NULL);
	int			count = celeriac_claim_found(rows, OUTCOME_REVOKED, EXC_REVOKED, REVOKED_EXPIRED, outcomes);

	if (count > 0)
		celeriac_end_claimed(outcomes, count, false);
	if (rows == BATCH && count > 0)
		return GetCurrentTimestamp();
	return next_time(STMT_NEXT_EXPIRES);
}

/*
 * Results in segment 0 live for result_expires after their task ended, and
 * longer if a canvas waits for them.
 */
TimestampTz
celeriac_remove_old_results(void)
{
	Datum		values[] = {
		Float8GetDatum(celeriac_result_expires), Int64GetDatum(BATCH)
	};
	TimestampTz oldest;
	TimestampTz due;

	if (celeriac_result_expires == 0)
		return NEVER;
	if (celeriac_exec(STMT_OLD_RESULTS, values, NULL) == BATCH)
		return GetCurrentTimestamp();
	oldest = Min(next_time(STMT_OLDEST_RESULT), GetCurrentTimestamp());
	due = oldest + (TimestampTz) celeriac_result_expires * USECS_PER_SEC;
	return due > GetCurrentTimestamp() ? due : celeriac_time_after_ms(SCAN_MS);
}
