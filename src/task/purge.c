/*
 * purge.c
 *		task_purge: all that waits in a queue is revoked.
 */
#include "base/names.h"

#include "executor/spi.h"
#include "fmgr.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/row.h"
#include "canvas/advance.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/role.h"
#include "session/statement.h"

PG_FUNCTION_INFO_V1(task_purge);

/* The first row is the count; a row follows for each task that others waited for. */
static int64
purge(Datum queue)
{
	uint64		rows = celeriac_exec(STMT_PURGE, &queue, NULL);
	SPITupleTable *table = SPI_tuptable;
	Ended	   *ended = palloc_extended((rows + 1) * sizeof(Ended),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Outcome    *outcomes = palloc_extended((rows + 1) * sizeof(Outcome), MCXT_ALLOC_HUGE);
	Row			row = {.tuple = table->vals[0], .desc = table->tupdesc};
	int64		count = celeriac_row_int64(&row, Anum_purged_count, 0);

	for (uint64 i = 1; i < rows; i++)
	{
		row.tuple = table->vals[i];
		celeriac_outcome_init(&outcomes[i], celeriac_row_uuid(&row, Anum_purged_id),
							  OUTCOME_REVOKED, EXC_REVOKED, "purged");
		ended[i].outcome = &outcomes[i];
		ended[i].options = celeriac_row_jsonb(&row, Anum_purged_options);
		ended[i].sent_by = celeriac_row_text(&row, Anum_purged_sent_by);
		ended[i].root_id = celeriac_row_uuid(&row, Anum_purged_root_id);
	}
	celeriac_advance(ended + 1, rows - 1);
	return count;
}

/*
 * task_purge(queue): all that waits there ends as REVOKED.  No claims are
 * taken, there may be millions: one that a worker claims in this moment is
 * run, and its outcome refused.  What waits for others is not in the queue yet,
 * but goes with what it waits for.
 */
Datum
task_purge(PG_FUNCTION_ARGS)
{
	CelContext	context;
	Datum		queue;
	int64		purged;

	celeriac_require_not_null(fcinfo, 0, "queue");
	queue = PG_GETARG_DATUM(0);
	celeriac_enter(&context, fcinfo);
	if (!celeriac_is_admin(context.caller))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to purge a queue"),
				 errhint("Only members of celeriac_admin may.")));
	purged = purge(queue);
	celeriac_leave(&context);
	PG_RETURN_INT64(purged);
}
