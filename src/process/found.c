/*
 * found.c
 *		What duties have in common: tasks found by a statement, and claimed.
 */
#include "process/found.h"

#include "executor/spi.h"

#include "base/check.h"
#include "base/delivery.h"
#include "sdk/states.h"
#include "session/claimlist.h"
#include "shmem/claim.h"

/* What is due but cannot be done yet is looked at again so much later. */
#define RETRY_MS	100

Datum
celeriac_first_datum(bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
}

TimestampTz
celeriac_next_try(TimestampTz due)
{
	return Max(due, celeriac_time_after_ms(RETRY_MS));
}

int
celeriac_claim_found(uint64 rows, OutcomeState state, const char *exc_type,
					 const char *message, Outcome *outcomes)
{
	SPITupleTable *table = SPI_tuptable;
	int			count = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		pg_uuid_t  *id = DatumGetUUIDP(SPI_getbinval(table->vals[i], table->tupdesc, 1,
													 &isnull));

		celeriac_xact_reserve_claim();
		if (celeriac_claim_take(id, CLAIM_TRANSIENT, -1, 0, 0, NULL) != CLAIM_TAKEN)
			continue;
		celeriac_xact_claimed(id, true, "", 0, 0);
		celeriac_outcome_init(&outcomes[count++], id, state, exc_type, message);
	}
	return count;
}
