/*
 * recover.c
 *		What the last life of the server left.
 */
#include "process/recover.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/row.h"
#include "base/guc.h"
#include "finish/finish.h"
#include "process/bgw.h"
#include "process/blackbox.h"
#include "process/found.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"
#include "task/worker.h"

/* The grace for workers to attach after a restart is over. */
TimestampTz
celeriac_end_attaching(void)
{
	CelDatabase *db = celeriac_my_database();
	TimestampTz end = TimestampTzPlusMilliseconds(CelShmem->started_at,
												  celeriac_attach_grace);

	if (!db->recovery.attaching)
		return NEVER;
	if (GetCurrentTimestamp() < end)
		return end;
	for (int i = 0; i < celeriac_max_workers; i++)
	{
		if (CelShmem->workers[i].dboid == MyDatabaseId)
			CelShmem->workers[i].expected = false;
	}
	db->recovery.attaching = false;
	celeriac_wake_all(MyDatabaseId);
	return NEVER;
}

/*
 * What the last life of the server left: leases to watch, tasks that were to
 * run at most once and did, workers that may come back.
 */
static void
find_leases(void)
{
	uint64		rows = celeriac_exec(STMT_LEASE_LEVELS, NULL, NULL);

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = SPI_tuptable->vals[i], .desc = SPI_tuptable->tupdesc};

		celeriac_ready_set_highest(celeriac_row_text(&row, Anum_lease_level_queue),
								   celeriac_row_int32(&row, Anum_lease_level_priority, 0),
								   celeriac_row_int64(&row, Anum_lease_level_highest, 0));
	}
}

/* A task that took the server down has lost its worker, as far as it counts. */
static void
end_crashed(void)
{
	int			count;
	pg_uuid_t  *ids = celeriac_blackbox_crashed(&count);
	Datum	   *datums = palloc((count + 1) * sizeof(Datum));
	Outcome    *outcomes = palloc((count + 1) * sizeof(Outcome));
	Datum		param;

	for (int i = 0; i < count; i++)
		datums[i] = UUIDPGetDatum(&ids[i]);
	param = celeriac_uuid_array(datums, count);
	count = celeriac_claim_found(celeriac_exec(STMT_UNLEASED, &param, NULL), OUTCOME_LOST,
								 NULL, NULL, outcomes);
	if (count > 0)
		celeriac_end_lost(outcomes, count);
}

static TimestampTz
recover(void)
{
	CelDatabase *db = celeriac_my_database();

	end_crashed();
	find_leases();
	if (celeriac_workers_expected() == 0)
		db->recovery.attaching = false;
	return NEVER;
}

void
celeriac_duty_recover(void)
{
	CelDatabase *db = celeriac_my_database();

	if (db->recovery.looked)
		return;
	(void) celeriac_bgw_in_transaction("recovering", recover);
	db->recovery.looked = true;
	celeriac_worker_attached(-1);
	if (!db->recovery.attaching)
		celeriac_wake_all(MyDatabaseId);
	else
		(void) celeriac_end_attaching();
}
