/*
 * direct.c
 *		Ending claimed tasks without SQL.
 *
 * A session claim remembers where its message's row was when it was claimed.
 * Nobody else ends the message while the claim is held, but its row may have
 * been updated since (a state of its own, the wish that it stops), moved to
 * another segment or purged, and its segment emptied and filled again.  So the
 * place only says where to look: what is there counts if it is visible to a
 * snapshot taken now, has the message's id, and is due the delivery that the
 * outcome is about.  That is what STMT_FINISH asks as well.
 *
 * It is deleted without waiting for anybody.  A row that is locked (a revoke
 * that has not committed, say) is left to SQL, as is one that was not found:
 * the statement waits, and looks again at what comes of it.
 *
 * The results go to the store, many at a time.
 */
#include "rows/direct.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/delivery.h"
#include "base/json.h"
#include "base/relation.h"
#include "base/row.h"
#include "rows/store.h"
#include "sdk/states.h"
#include "session/identity.h"

typedef struct Segment
{
	Relation	rel;			/* NULL = not open */
	BlockNumber blocks;
	TupleTableSlot *slot;
} Segment;

struct DirectEnds
{
	Store	   *results;
	Datum		worker;
	TimestampTz done_at;
	OutcomeState state;			/* of the outcome before, and as text */
	Datum		state_text;
	Segment		segments[CEL_MESSAGE_SEGMENTS];
};


/* The snapshot is active, for values that are stored elsewhere. */
DirectEnds *
celeriac_direct_begin(const char *worker, TimestampTz done_at)
{
	Store	   *results = celeriac_store_results();
	DirectEnds *direct;

	if (results == NULL)
		return NULL;
	direct = palloc0(sizeof(DirectEnds));
	direct->results = results;
	direct->worker = CStringGetTextDatum(worker);
	direct->done_at = done_at;
	PushActiveSnapshot(GetLatestSnapshot());
	return direct;
}

static Segment *
open_segment(DirectEnds *direct, int number)
{
	Segment    *segment = &direct->segments[number];

	if (segment->rel == NULL)
	{
		segment->rel = table_open(CelExt.messages[number], RowExclusiveLock);
		segment->blocks = RelationGetNumberOfBlocks(segment->rel);
		segment->slot = table_slot_create(segment->rel, NULL);
	}
	return segment;
}

/*
 * A copy of the row; NULL when it is not, or not any more, at its place.  The
 * table may have been changed while we waited for it: only now is it locked.
 */
static HeapTuple
read_row(Segment *segment, const RowPlace *place)
{
	ItemPointerData tid = place->tid;
	HeapTuple	row = NULL;

	if (!celeriac_store_plain() || ItemPointerGetBlockNumber(&tid) >= segment->blocks)
		return NULL;
	if (table_tuple_fetch_row_version(segment->rel, &tid, GetActiveSnapshot(),
									  segment->slot))
		row = ExecCopySlotHeapTuple(segment->slot);
	ExecClearTuple(segment->slot);
	return row;
}

/* As DELIVERY_IS_CURRENT in statement.c, of the row with that id. */
static bool
is_current(const Row *row, const Outcome *outcome)
{
	int			claims = row->nulls[Anum_message_worker - 1] ? 1 : 0;

	return memcmp(celeriac_row_uuid(row, Anum_message_id), &outcome->id, UUID_LEN) == 0 &&
		celeriac_row_int32(row, Anum_message_deliveries, 0) + claims == outcome->delivery;
}

static TM_Result
try_delete(Relation rel, const RowPlace *place, bool wait, TransactionId *xmax)
{
	ItemPointerData tid = place->tid;
	TM_FailureData failure = {.xmax = InvalidTransactionId};
	TM_Result	result = table_tuple_delete(rel, &tid, GetCurrentCommandId(true),
											GetActiveSnapshot(), InvalidSnapshot, wait,
											&failure, false);

	*xmax = failure.xmax;
	return result;
}

/*
 * A version that this transaction wrote, of a row that it had locked first, has
 * that lock still, and counts as locked unless one would wait for oneself.
 */
static bool
delete_row(Relation rel, const RowPlace *place)
{
	TransactionId xmax;
	TM_Result	result = try_delete(rel, place, false, &xmax);

	if (result == TM_BeingModified && TransactionIdIsCurrentTransactionId(xmax))
		result = try_delete(rel, place, true, &xmax);
	return result == TM_Ok;
}

/*
 * The result's row
 */
typedef struct ResultRow
{
	Datum		values[RESULT_COLUMN_COUNT];
	bool		nulls[RESULT_COLUMN_COUNT];
} ResultRow;

#define KEPT_COLUMN(name) {Anum_message_##name, Anum_result_##name},
#define KEPT_key(name) KEPT_COLUMN(name)
#define KEPT_message(name) KEPT_COLUMN(name)
#define KEPT_either(name) KEPT_COLUMN(name)
#define KEPT_end(name)
#define KEPT(name, type, source) KEPT_##source(name)

/* Columns that the result takes over. */
static const struct
{
	int			message;
	int			result;
}			kept_columns[] = {CELERIAC_RESULT_COLUMNS(KEPT)};

static void
put_value(ResultRow *row, int column, Datum value)
{
	row->values[column - 1] = value;
	row->nulls[column - 1] = false;
}

static void
put_text(ResultRow *row, int column, const char *text)
{
	if (text != NULL)
		put_value(row, column, CStringGetTextDatum(text));
}

/* What the task said of its progress goes with its end. */
static Jsonb *
lasting_options(const Row *message)
{
	Jsonb	   *options = celeriac_row_jsonb(message, Anum_message_options);

	if (options == NULL)
		return NULL;
	options = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(options),
												 CStringGetTextDatum("info")));
	return JB_ROOT_COUNT(options) == 0 ? NULL : options;
}

static void
put_options(ResultRow *row, Jsonb *options)
{
	bool		ignored = false;

	if (options == NULL)
		return;
	put_value(row, Anum_result_options, JsonbPGetDatum(options));
	(void) celeriac_option_bool(options, "ignore_result", &ignored);
	if (ignored)
		row->nulls[Anum_result_result - 1] = true;
}

static void
put_outcome(DirectEnds *direct, ResultRow *row, const Outcome *outcome)
{
	if (direct->state_text == (Datum) 0 || direct->state != outcome->state)
	{
		direct->state = outcome->state;
		direct->state_text = CStringGetTextDatum(outcome_state_name(outcome->state));
	}
	put_value(row, Anum_result_state, direct->state_text);
	if (outcome->result != NULL)
		put_value(row, Anum_result_result, JsonbPGetDatum(outcome->result));
	put_text(row, Anum_result_exc_type, outcome->exc_type);
	put_text(row, Anum_result_exc_message, outcome->exc_message);
	put_text(row, Anum_result_traceback, outcome->traceback);
	if (outcome->started_at != 0)
		put_value(row, Anum_result_started_at, TimestampTzGetDatum(outcome->started_at));
}

static void
store_result(DirectEnds *direct, const Row *message, const Outcome *outcome,
			 Jsonb *options)
{
	ResultRow	row;

	memset(row.nulls, true, sizeof(row.nulls));
	for (int i = 0; i < lengthof(kept_columns); i++)
	{
		row.values[kept_columns[i].result - 1] = message->values[kept_columns[i].message - 1];
		row.nulls[kept_columns[i].result - 1] = message->nulls[kept_columns[i].message - 1];
	}
	put_value(&row, Anum_result_worker, direct->worker);
	put_value(&row, Anum_result_done_at, TimestampTzGetDatum(direct->done_at));
	put_outcome(direct, &row, outcome);
	put_options(&row, options);
	celeriac_store_put(direct->results, row.values, row.nulls);
}

static void
note_ended(Ended *ended, const Outcome *outcome, const Row *message, Jsonb *options)
{
	memset(ended, 0, sizeof(*ended));
	ended->outcome = outcome;
	ended->options = options;
	if (options == NULL)
		return;
	ended->sent_by = celeriac_row_text(message, Anum_message_sent_by);
	ended->root_id = celeriac_row_uuid(message, Anum_message_root_id);
}

bool
celeriac_direct_end(DirectEnds *direct, const Outcome *outcome,
					const RowPlace *place, Ended *ended)
{
	Segment    *segment = open_segment(direct, place->segment);
	HeapTuple	tuple = read_row(segment, place);
	Datum		values[MESSAGE_COLUMN_COUNT];
	bool		nulls[MESSAGE_COLUMN_COUNT];
	Row			message = {.values = values, .nulls = nulls};
	Jsonb	   *options;

	if (tuple == NULL)
		return false;
	heap_deform_tuple(tuple, RelationGetDescr(segment->rel), values, nulls);
	if (!is_current(&message, outcome) || !delete_row(segment->rel, place))
		return false;
	options = lasting_options(&message);
	store_result(direct, &message, outcome, options);
	note_ended(ended, outcome, &message, options);
	return true;
}

void
celeriac_direct_done(DirectEnds *direct)
{
	celeriac_store_close(direct->results);
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		Segment    *segment = &direct->segments[i];

		if (segment->rel == NULL)
			continue;
		ExecDropSingleTupleTableSlot(segment->slot);
		table_close(segment->rel, NoLock);
	}
	PopActiveSnapshot();
}
