/*
 * ended.c
 *		Messages deleted and their results inserted, by statement.
 */
#include "rows/ended.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/column.h"
#include "base/delivery.h"
#include "base/relation.h"
#include "base/row.h"
#include "rows/store.h"
#include "session/exec.h"
#include "session/statement.h"

static void
put_end(Column *columns, int n, const Outcome *o, const char *worker)
{
	columns[PARAM_END_ID].values[n] = UUIDPGetDatum(&o->id);
	celeriac_column_text(&columns[PARAM_END_STATE], n, outcome_state_name(o->state));
	columns[PARAM_END_RESULT].values[n] = JsonbPGetDatum(o->result);
	columns[PARAM_END_RESULT].nulls[n] = (o->result == NULL);
	celeriac_column_text(&columns[PARAM_END_EXC_TYPE], n, o->exc_type);
	celeriac_column_text(&columns[PARAM_END_EXC_MESSAGE], n, o->exc_message);
	celeriac_column_text(&columns[PARAM_END_TRACEBACK], n, o->traceback);
	columns[PARAM_END_STARTED_AT].values[n] = TimestampTzGetDatum(o->started_at);
	columns[PARAM_END_STARTED_AT].nulls[n] = (o->started_at == 0);
	celeriac_column_text(&columns[PARAM_END_WORKER], n, worker);
	columns[PARAM_END_DELIVERY].values[n] = Int32GetDatum(o->delivery);
}

/*
 * The results go to the current segment, unless only SQL does the tables
 * justice.
 */
static uint64
end_messages(Datum *values)
{
	Store	   *results = celeriac_store_results();
	uint64		rows;

	if (results == NULL)
		return celeriac_exec(STMT_FINISH, values, NULL);
	rows = celeriac_exec(STMT_TAKE_ENDED, values, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		Datum		row[RESULT_COLUMN_COUNT];
		bool		nulls[RESULT_COLUMN_COUNT];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row, nulls);
		celeriac_store_put(results, row, nulls);
	}
	celeriac_store_close(results);
	return rows;
}

/* What the caller needs of the rows that are in SPI_tuptable now. */
static EndedRow *
read_rows(uint64 count)
{
	EndedRow   *rows = palloc_extended((count + 1) * sizeof(EndedRow), MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < count; i++)
	{
		Row			row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc};

		rows[i].id = celeriac_row_uuid(&row, Anum_result_id);
		rows[i].options = celeriac_row_jsonb(&row, Anum_result_options);
		rows[i].sent_by = celeriac_row_text(&row, Anum_result_sent_by);
		rows[i].root_id = celeriac_row_uuid(&row, Anum_result_root_id);
	}
	return rows;
}

uint64
celeriac_end_outcomes(Outcome *const *outcomes, int count, const char *worker,
					  TimestampTz done_at, EndedRow **rows)
{
	static const Oid types[] = {
		[PARAM_END_ID] = UUIDOID,
		[PARAM_END_STATE] = TEXTOID,
		[PARAM_END_RESULT] = JSONBOID,
		[PARAM_END_EXC_TYPE] = TEXTOID,
		[PARAM_END_EXC_MESSAGE] = TEXTOID,
		[PARAM_END_TRACEBACK] = TEXTOID,
		[PARAM_END_STARTED_AT] = TIMESTAMPTZOID,
		[PARAM_END_WORKER] = TEXTOID,
		[PARAM_END_DELIVERY] = INT4OID
	};
	Column		columns[END_ARRAYS];
	Datum		values[END_PARAMS];
	uint64		ended;

	for (int c = 0; c < END_ARRAYS; c++)
		columns[c] = celeriac_column(count);
	for (int i = 0; i < count; i++)
		put_end(columns, i, outcomes[i], worker);
	for (int c = 0; c < END_ARRAYS; c++)
		values[c] = celeriac_column_array(&columns[c], count, types[c]);
	values[PARAM_END_DONE_AT] = TimestampTzGetDatum(done_at);
	ended = end_messages(values);
	*rows = read_rows(ended);
	return ended;
}
