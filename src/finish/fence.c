/*
 * fence.c
 *		The fence: an outcome counts only from the worker and delivery number that
 *		hold the claim.
 */
#include "finish/fence.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/json.h"
#include "base/relation.h"
#include "finish/ending.h"
#include "rows/message.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"
#include "shmem/claim.h"

void
celeriac_fence_by_claim(Ending *item, int worker_slot)
{
	Claim		claim;

	if (!celeriac_claim_get(&item->outcome->id, &claim) || claim.kind != CLAIM_SESSION)
		return;
	if (worker_slot >= 0 && claim.worker == worker_slot &&
		claim.delivery == item->outcome->delivery)
	{
		item->hold = HOLD_SESSION;
		item->claim = claim.serial;
		item->place = claim.place;
		item->revoked = claim.revoked;
		if (item->outcome->started_at == 0)
			item->outcome->started_at = claim.started_at;
	}
}

static bool
needs_row(const Ending *item)
{
	if (item->hold == HOLD_NONE)
		return true;
	return item->outcome->state != OUTCOME_SUCCESS;
}

static bool
is_leased(SPITupleTable *table, uint64 row)
{
	bool		isnull;
	Datum		value = SPI_getbinval(table->vals[row], table->tupdesc,
									  Anum_message_leased_until, &isnull);

	return !isnull && DatumGetTimestampTz(value) > GetCurrentTimestamp();
}

/* The lease must be this worker's, this delivery's, and not be over. */
static bool
lease_holds(SPITupleTable *table, uint64 row, const Ending *item, const char *worker)
{
	bool		isnull;
	Datum		value;

	if (!item->leased)
		return false;
	value = SPI_getbinval(table->vals[row], table->tupdesc, Anum_message_worker, &isnull);
	if (isnull || strcmp(TextDatumGetCString(value), worker) != 0)
		return false;
	return item->row.delivery == item->outcome->delivery;
}

static void
note_row(Ending **sorted, int count, SPITupleTable *table, uint64 row, const char *worker)
{
	bool		isnull;
	Datum		id = SPI_getbinval(table->vals[row], table->tupdesc, Anum_message_id, &isnull);
	Ending	   *item = celeriac_find_ending(sorted, count, DatumGetUUIDP(id));

	celeriac_read_delivery(table, row, &item->row);
	item->have_row = true;
	item->leased = is_leased(table, row);
	item->waiting = DatumGetInt32(SPI_getbinval(table->vals[row], table->tupdesc,
												Anum_message_waiting, &isnull)) > 0;
	(void) celeriac_option_bool(item->row.options, "revoked", &item->revoked);
	if (item->hold == HOLD_NONE && lease_holds(table, row, item, worker))
		item->hold = HOLD_LEASE;
}

/* Locks them; the statement says whether to wait for that.  True = some are missing. */
static bool
read_missing(CelStatement statement, Ending **sorted, int count, const char *worker)
{
	Datum	   *ids = palloc_extended((count + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	SPITupleTable *table;
	Datum		param;
	uint64		rows;
	int			wanted = 0;

	for (int i = 0; i < count; i++)
	{
		if (needs_row(sorted[i]) && !sorted[i]->have_row)
			ids[wanted++] = UUIDPGetDatum(&sorted[i]->outcome->id);
	}
	if (wanted == 0)
		return false;
	param = celeriac_uuid_array(ids, wanted);
	rows = celeriac_exec(statement, &param, NULL);
	table = SPI_tuptable;
	for (uint64 i = 0; i < rows; i++)
		note_row(sorted, count, table, i, worker);
	return rows < wanted;
}

/*
 * A statement that has waited for a row which is then moved to another segment
 * does not find it: it is new there.  The next one does; and such a row stays
 * where it is from then on.
 */
void
celeriac_read_rows(CelStatement statement, Ending **sorted, int count, const char *worker)
{
	if (read_missing(statement, sorted, count, worker))
		(void) read_missing(statement, sorted, count, worker);
}

/* A second outcome for one id in the same call is stale by definition. */
void
celeriac_refuse_doubles(Ending **sorted, int count)
{
	for (int i = 1; i < count; i++)
	{
		if (celeriac_compare_endings(sorted[i - 1], sorted[i]) == 0)
			sorted[i]->hold = HOLD_NONE;
	}
}
