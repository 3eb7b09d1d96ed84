/*
 * attach.c
 *		task_attach: session claims on what a worker still runs.
 */
#include "base/names.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/compat.h"
#include "base/row.h"
#include "rows/remember.h"
#include "session/claimlist.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "shmem/claim.h"
#include "shmem/session.h"
#include "shmem/workers.h"
#include "task/candidate.h"
#include "task/worker.h"

PG_FUNCTION_INFO_V1(task_attach);

static int
claim_attachable(uint64 rows, int slot, Candidate *claimed)
{
	SPITupleTable *table = SPI_tuptable;
	int			count = 0;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {table->vals[i], table->tupdesc};
		Candidate  *item = &claimed[count];
		int64		ready = celeriac_row_int64(&row, Anum_attachable_ready, 0);

		item->id = *celeriac_row_uuid(&row, Anum_attachable_id);
		item->kept = false;
		celeriac_xact_reserve_claim();
		if (celeriac_claim_take(&item->id, CLAIM_SESSION, slot,
								celeriac_row_int32(&row, Anum_attachable_delivery, 0),
								ready, NULL) != CLAIM_TAKEN)
			continue;
		item->claim = celeriac_xact_claimed(&item->id, false,
											celeriac_row_text(&row, Anum_attachable_queue),
											celeriac_row_int32(&row, Anum_attachable_priority, 0),
											ready);
		count++;
	}
	return count;
}

/* Those that are as they were seen; the claims on others are given back. */
static void
put_attached(ReturnSetInfo *rsinfo, uint64 rows, int slot, Candidates *claimed)
{
	SPITupleTable *table = SPI_tuptable;
	Candidate **list = palloc_extended((claimed->count + 1) * sizeof(Candidate *),
									   MCXT_ALLOC_HUGE);
	int			count = celeriac_candidates_missing(claimed, list);

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {table->vals[i], table->tupdesc};
		Candidate  *item = celeriac_find_candidate(list, count,
												   celeriac_row_uuid(&row, Anum_attachable_id));

		if (item != NULL)
			item->kept = true;
	}
	for (int i = 0; i < count; i++)
	{
		Datum		id = UUIDPGetDatum(&list[i]->id);
		bool		isnull = false;

		if (!list[i]->kept)
		{
			celeriac_xact_unclaim(list[i]->claim);
			continue;
		}
		celeriac_remember_claimed(&list[i]->id);
		celeriac_claim_started(&list[i]->id, slot, GetCurrentTimestamp());
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
	}
}

/*
 * task_attach(worker, ids, deliveries): session claims again, after the
 * connection or the server was lost, on what this worker still runs.  As in a
 * fetch, what was seen before the claim was taken is looked at again after.
 */
Datum
task_attach(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	const char *worker;
	int			slot;
	uint64		rows;
	Datum		values[ATTACHABLE_PARAMS];
	Candidates	claimed = {0};

	celeriac_require_not_null(fcinfo, 0, "worker");
	celeriac_require_not_null(fcinfo, 1, "ids");
	celeriac_require_not_null(fcinfo, 2, "deliveries");
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	celeriac_require_worker_name(worker);
	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	slot = celeriac_require_worker_slot(worker);
	celeriac_session_set_worker(slot);
	values[PARAM_ATTACHABLE_IDS] = PG_GETARG_DATUM(1);
	values[PARAM_ATTACHABLE_DELIVERIES] = PG_GETARG_DATUM(2);
	rows = celeriac_exec(STMT_ATTACHABLE, values, NULL);
	claimed.items = palloc_extended((rows + 1) * sizeof(Candidate), MCXT_ALLOC_HUGE);
	claimed.count = claim_attachable(rows, slot, claimed.items);
	rows = celeriac_exec(STMT_ATTACHABLE, values, NULL);
	put_attached(rsinfo, rows, slot, &claimed);
	celeriac_leave(&context);
	celeriac_worker_attached(slot);
	PG_RETURN_NULL();
}
