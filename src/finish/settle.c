/*
 * settle.c
 *		What was decided is written: results, retries, tasks that go back.
 */
#include "finish/settle.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/column.h"
#include "base/delivery.h"
#include "base/row.h"
#include "canvas/advance.h"
#include "finish/ending.h"
#include "rows/direct.h"
#include "rows/ended.h"
#include "session/exec.h"
#include "session/statement.h"

/* What ended in this call, by whichever way. */
typedef struct EndedList
{
	int			rows;
	int			count;			/* of them with options: items */
	Ended	   *items;
} EndedList;

static void
add_ended(EndedList *list, Ended ended)
{
	list->rows++;
	if (ended.options != NULL)
		list->items[list->count++] = ended;
}

/*
 * Successes, whose rows nobody has locked for us, in the order of their ids.
 * Where one does not fit the rest are left to the statement, which may wait:
 * it must not while we hold rows that come after the one it waits for.
 */
static void
end_directly(Ending **sorted, int count, const char *worker, TimestampTz done_at,
			 EndedList *list)
{
	DirectEnds *direct = NULL;

	for (int i = 0; i < count; i++)
	{
		Ending	   *item = sorted[i];
		Ended		ended;

		if (item->action != ACTION_END || item->have_row)
			continue;
		if (item->hold != HOLD_SESSION || item->place.segment < 0)
			break;
		if (direct == NULL && (direct = celeriac_direct_begin(worker, done_at)) == NULL)
			return;
		if (!celeriac_direct_end(direct, item->outcome, &item->place, &ended))
			break;
		item->outcome->accepted = true;
		add_ended(list, ended);
	}
	if (direct != NULL)
		celeriac_direct_done(direct);
}

/* The messages were there: their outcomes are applied. */
static void
accept_ended(Ending **sorted, int count, const EndedRow *rows, uint64 nrows,
			 EndedList *list)
{
	for (uint64 i = 0; i < nrows; i++)
	{
		Ending	   *item = celeriac_find_ending(sorted, count, rows[i].id);
		Ended		ended = {
			.outcome = item->outcome,
			.options = rows[i].options,
			.sent_by = rows[i].sent_by,
			.root_id = rows[i].root_id
		};

		item->outcome->accepted = true;
		add_ended(list, ended);
	}
}

/* Those not ended yet; true = some are missing. */
static bool
end_missing(Ending **sorted, int count, const char *worker, TimestampTz done_at,
			EndedList *list)
{
	Outcome   **outcomes = palloc_extended((count + 1) * sizeof(Outcome *), MCXT_ALLOC_HUGE);
	EndedRow   *rows;
	uint64		nrows;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->action == ACTION_END && !sorted[i]->outcome->accepted)
			outcomes[n++] = sorted[i]->outcome;
	}
	if (n == 0)
		return false;
	nrows = celeriac_end_outcomes(outcomes, n, worker, done_at, &rows);
	accept_ended(sorted, count, rows, nrows, list);
	return nrows < n;
}

/* Twice for those that were moved meanwhile, as in read_rows. */
static void
end_by_statement(Ending **sorted, int count, const char *worker, TimestampTz done_at,
				 EndedList *list)
{
	if (end_missing(sorted, count, worker, done_at, list))
		(void) end_missing(sorted, count, worker, done_at, list);
}

/* Their messages go; what takes their place comes when the canvas is locked. */
static void
take_replaced(Ending **sorted, int count, EndedList *list)
{
	Column		ids = celeriac_column(count);
	Column		deliveries = celeriac_column(count);
	Datum		values[REPLACED_PARAMS];
	uint64		rows;
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->action != ACTION_REPLACE)
			continue;
		ids.values[n] = UUIDPGetDatum(&sorted[i]->outcome->id);
		deliveries.values[n++] = Int32GetDatum(sorted[i]->outcome->delivery);
	}
	if (n == 0)
		return;
	values[PARAM_REPLACED_IDS] = celeriac_column_array(&ids, n, UUIDOID);
	values[PARAM_REPLACED_DELIVERIES] = celeriac_column_array(&deliveries, n, INT4OID);
	rows = celeriac_exec(STMT_TAKE_REPLACED, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc};
		Ending	   *item = celeriac_find_ending(sorted, count, celeriac_row_uuid(&row, 1));

		item->outcome->accepted = true;
		list->items[list->count++] = (Ended) {
			.outcome = item->outcome,
			.options = item->row.options,
			.sent_by = item->row.sent_by,
			.root_id = item->row.has_root ? &item->row.root_id : NULL,
			.replaced = &item->row
		};
		list->rows++;
	}
}

int
celeriac_write_ended(Ending **sorted, int count, const char *worker)
{
	TimestampTz done_at = GetCurrentTimestamp();
	EndedList	list = {
		.items = palloc_extended((count + 1) * sizeof(Ended), MCXT_ALLOC_HUGE)
	};

	if (worker != NULL)
		end_directly(sorted, count, worker, done_at, &list);
	end_by_statement(sorted, count, worker, done_at, &list);
	take_replaced(sorted, count, &list);
	celeriac_advance(list.items, list.count);
	return list.rows;
}

static void
accept_rows(Ending **sorted, int count, uint64 rows)
{
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		Datum		id = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);

		celeriac_find_ending(sorted, count, DatumGetUUIDP(id))->outcome->accepted = true;
	}
}

void
celeriac_write_retries(Ending **sorted, int count)
{
	Column		ids = celeriac_column(count);
	Column		etas = celeriac_column(count);
	Column		deliveries = celeriac_column(count);
	Column		types = celeriac_column(count);
	Column		messages = celeriac_column(count);
	Datum		values[RETRY_PARAMS];
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		Ending	   *item = sorted[i];

		if (item->action != ACTION_RETRY)
			continue;
		ids.values[n] = UUIDPGetDatum(&item->outcome->id);
		etas.values[n] = TimestampTzGetDatum(item->eta);
		deliveries.values[n] = Int32GetDatum(item->outcome->delivery);
		celeriac_column_text(&types, n, item->outcome->exc_type);
		celeriac_column_text(&messages, n, item->outcome->exc_message);
		n++;
	}
	if (n == 0)
		return;
	values[PARAM_RETRY_IDS] = celeriac_column_array(&ids, n, UUIDOID);
	values[PARAM_RETRY_ETAS] = celeriac_column_array(&etas, n, TIMESTAMPTZOID);
	values[PARAM_RETRY_DELIVERIES] = celeriac_column_array(&deliveries, n, INT4OID);
	values[PARAM_RETRY_EXC_TYPES] = celeriac_column_array(&types, n, TEXTOID);
	values[PARAM_RETRY_EXC_MESSAGES] = celeriac_column_array(&messages, n, TEXTOID);
	accept_rows(sorted, count, celeriac_exec(STMT_RETRY, values, NULL));
}

void
celeriac_write_requeued(Ending **sorted, int count)
{
	Column		ids = celeriac_column(count);
	Column		deliveries = celeriac_column(count);
	Column		lost = celeriac_column(count);
	Datum		values[REQUEUE_PARAMS];
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		if (sorted[i]->action != ACTION_REQUEUE)
			continue;
		ids.values[n] = UUIDPGetDatum(&sorted[i]->outcome->id);
		deliveries.values[n] = Int32GetDatum(sorted[i]->outcome->delivery);
		lost.values[n] = Int32GetDatum(sorted[i]->lost);
		n++;
	}
	if (n == 0)
		return;
	values[PARAM_REQUEUE_IDS] = celeriac_column_array(&ids, n, UUIDOID);
	values[PARAM_REQUEUE_DELIVERIES] = celeriac_column_array(&deliveries, n, INT4OID);
	values[PARAM_REQUEUE_LOST] = celeriac_column_array(&lost, n, INT4OID);
	accept_rows(sorted, count, celeriac_exec(STMT_REQUEUE, values, NULL));
}
