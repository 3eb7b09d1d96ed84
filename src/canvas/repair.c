/*
 * repair.c
 *		The coordinator's look through canvases.
 *
 * Edges go when what they lead to is neither waiting nor remembered.  And what
 * each target still waits for is counted from the rows: as a canvas moves on in
 * the transactions that end its tasks, the count cannot differ from the number
 * in the row, whatever crashed, and to find a difference is a fault that is
 * reported.  But then the canvas goes on.
 *
 * It goes through all edges in steps, once when the coordinator starts, and then
 * as often as results expire, at least once an hour.
 */
#include "canvas/repair.h"

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/guc.h"
#include "base/row.h"
#include "base/uuid.h"
#include "canvas/advance.h"
#include "session/exec.h"
#include "session/statement.h"

#define BATCH			1000
#define SHORTEST_PAUSE	10
#define LONGEST_PAUSE	3600

/* the last target of the step before; all zero = begin */
static pg_uuid_t position;
static TimestampTz last_pass = 0;

static void
report(const pg_uuid_t *id)
{
	ereport(WARNING,
			(errmsg("task %s waits for another number of tasks than it should",
					celeriac_uuid_text(id)),
			 errdetail("It is put right.")));
}

static void
repair_stuck(Datum targets)
{
	uint64		rows = celeriac_exec(STMT_STUCK, &targets, NULL);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = table->vals[i], .desc = table->tupdesc};

		report(celeriac_row_uuid(&row, Anum_stuck_id));
		celeriac_advance_stuck(celeriac_row_uuid(&row, Anum_stuck_id),
							   celeriac_row_uuid(&row, Anum_stuck_root),
							   celeriac_row_bool(&row, Anum_stuck_is_group, false));
	}
}

static uint64
next_targets(Datum *targets)
{
	Datum		values[] = {UUIDPGetDatum(&position), Int64GetDatum(BATCH)};
	uint64		rows = celeriac_exec(STMT_EDGE_TARGETS, values, NULL);
	Datum	   *ids = palloc((rows + 1) * sizeof(Datum));

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = SPI_tuptable->vals[i], .desc = SPI_tuptable->tupdesc};

		ids[i] = UUIDPGetDatum(celeriac_row_uuid(&row, 1));
	}
	if (rows > 0)
		position = *DatumGetUUIDP(ids[rows - 1]);
	*targets = celeriac_uuid_array(ids, rows);
	return rows;
}

/* The setting may have changed since. */
static TimestampTz
next_pass(void)
{
	int			pause = celeriac_result_expires == 0 ? LONGEST_PAUSE :
		Min(Max(celeriac_result_expires, SHORTEST_PAUSE), LONGEST_PAUSE);

	return last_pass == 0 ? 0 :
		TimestampTzPlusMilliseconds(last_pass, pause * INT64CONST(1000));
}

static TimestampTz
end_pass(void)
{
	memset(&position, 0, sizeof(position));
	last_pass = GetCurrentTimestamp();
	return next_pass();
}

TimestampTz
celeriac_repair(void)
{
	Datum		targets;
	uint64		rows;

	if (GetCurrentTimestamp() < next_pass())
		return next_pass();
	rows = next_targets(&targets);
	if (rows == 0)
		return end_pass();
	celeriac_exec(STMT_EDGES_REMOVE, &targets, NULL);
	repair_stuck(targets);
	return rows < BATCH ? end_pass() : GetCurrentTimestamp();
}
