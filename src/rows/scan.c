/*
 * scan.c
 *		What is ready, in dispatch order, read without SQL.
 *
 * Each segment has a dispatch index; the scans of all of them are merged by
 * the number under which a message became ready.  A segment without a page is
 * passed over.
 *
 * A fetch reads a row twice: before it takes the claim and, with a newer
 * snapshot, after.  The snapshot of the scan is held until it ends, and so are
 * locks against TRUNCATE: in between, what was at a place stays there, or is a
 * dead version that the newer snapshot does not see.
 */
#include "rows/scan.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/relation.h"
#include "base/row.h"
#include "session/identity.h"

/* columns of the dispatch index: queue, priority, ready */
#define INDEX_COLUMNS	3

typedef struct SegmentScan
{
	Relation	rel;
	Relation	index;			/* NULL = not yet needed */
	IndexScanDesc scan;			/* NULL = no more rows */
	TupleTableSlot *slot;
	int64		ready;			/* of the row in the slot */
} SegmentScan;

struct ReadyScan
{
	Snapshot	snapshot;
	int			current;		/* whose row was returned last; < 0 = none yet */
	SegmentScan segments[CEL_MESSAGE_SEGMENTS];
};

/* The dispatch index of each segment; 0 = look. */
static Oid	indexes[CEL_MESSAGE_SEGMENTS];
static uint64 indexes_generation = 0;

static void
relation_changed(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || celeriac_is_segment(relid))
		memset(indexes, 0, sizeof(indexes));
}

void
celeriac_scan_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

static bool
is_dispatch_index(Relation index)
{
	const int2vector *key = &index->rd_index->indkey;

	return index->rd_index->indisvalid && key->dim1 == INDEX_COLUMNS &&
		key->values[0] == Anum_message_queue &&
		key->values[1] == Anum_message_priority &&
		key->values[2] == Anum_message_ready;
}

/* The lock on the table has brought us what happened to its indexes. */
static Relation
find_index(Relation rel)
{
	List	   *list = RelationGetIndexList(rel);
	ListCell   *cell;

	foreach(cell, list)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_dispatch_index(index))
		{
			list_free(list);
			return index;
		}
		index_close(index, AccessShareLock);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no index on (queue, priority DESC, ready)",
					RelationGetRelationName(rel))));
	return NULL;
}

static Relation
open_index(int number, Relation rel)
{
	Relation	index;

	if (indexes_generation != CelExt.generation)
	{
		memset(indexes, 0, sizeof(indexes));
		indexes_generation = CelExt.generation;
	}
	if (OidIsValid(indexes[number]))
		return index_open(indexes[number], AccessShareLock);
	index = find_index(rel);
	indexes[number] = RelationGetRelid(index);
	return index;
}

static void
end_segment(SegmentScan *segment)
{
	if (segment->slot != NULL)
		ExecClearTuple(segment->slot);
	if (segment->scan != NULL)
		index_endscan(segment->scan);
	segment->scan = NULL;
}

static void
end_scan(ReadyScan *scan)
{
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
		end_segment(&scan->segments[i]);
	if (scan->snapshot != NULL)
		UnregisterSnapshot(scan->snapshot);
	scan->snapshot = NULL;
}

ReadyScan *
celeriac_scan_open(void)
{
	ReadyScan  *scan = palloc0(sizeof(ReadyScan));

	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
		scan->segments[i].rel = table_open(CelExt.messages[i], AccessShareLock);
	return scan;
}

/* Nothing was read that has to stay: a claim is checked again when it ends. */
void
celeriac_scan_close(ReadyScan *scan)
{
	end_scan(scan);
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		SegmentScan *segment = &scan->segments[i];

		if (segment->slot != NULL)
			ExecDropSingleTupleTableSlot(segment->slot);
		if (segment->index != NULL)
			index_close(segment->index, AccessShareLock);
		table_close(segment->rel, AccessShareLock);
	}
	pfree(scan);
}

static TupleTableSlot *
segment_slot(SegmentScan *segment)
{
	if (segment->slot == NULL)
		segment->slot = table_slot_create(segment->rel, NULL);
	return segment->slot;
}

/* Go to the segment's next row that no lease is on. */
static void
advance(SegmentScan *segment)
{
	TupleTableSlot *slot = segment->slot;

	while (index_getnext_slot(segment->scan, ForwardScanDirection, slot))
	{
		slot_getsomeattrs(slot, Anum_message_worker);
		if (slot->tts_isnull[Anum_message_worker - 1])
		{
			segment->ready = DatumGetInt64(slot->tts_values[Anum_message_ready - 1]);
			return;
		}
		CHECK_FOR_INTERRUPTS();
	}
	index_endscan(segment->scan);
	segment->scan = NULL;
}

static void
set_key(ScanKey keys, Relation index, int column, StrategyNumber strategy,
		RegProcedure function, Datum value)
{
	ScanKeyEntryInitialize(&keys[column - 1], 0, column, strategy, InvalidOid,
						   index->rd_indcollation[column - 1], function, value);
}

static void
start_segment(ReadyScan *scan, int number, Datum queue, int priority, int64 position)
{
	SegmentScan *segment = &scan->segments[number];
	ScanKeyData keys[INDEX_COLUMNS];

	if (RelationGetNumberOfBlocks(segment->rel) == 0)
		return;
	if (segment->index == NULL)
		segment->index = open_index(number, segment->rel);
	set_key(keys, segment->index, 1, BTEqualStrategyNumber, F_TEXTEQ, queue);
	set_key(keys, segment->index, 2, BTEqualStrategyNumber, F_INT2EQ,
			Int16GetDatum(priority));
	set_key(keys, segment->index, 3, BTGreaterStrategyNumber, F_INT8GT,
			Int64GetDatum(position));
	(void) segment_slot(segment);
	segment->scan = celeriac_index_beginscan(segment->rel, segment->index,
											 scan->snapshot, INDEX_COLUMNS);
	index_rescan(segment->scan, keys, INDEX_COLUMNS, NULL, 0);
	advance(segment);
}

/* The snapshot comes first: what it sees is in pages there are after it. */
void
celeriac_scan_start(ReadyScan *scan, const char *queue, int priority, int64 position)
{
	Datum		value = CStringGetTextDatum(queue);

	end_scan(scan);
	scan->snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan->current = -1;
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
		start_segment(scan, i, value, priority, position);
}

static int
lowest(const ReadyScan *scan)
{
	int			found = -1;

	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		const SegmentScan *segment = &scan->segments[i];

		if (segment->scan != NULL &&
			(found < 0 || segment->ready < scan->segments[found].ready))
			found = i;
	}
	return found;
}

static bool
is_own(TupleTableSlot *slot)
{
	bool		isnull;

	return TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		TransactionIdIsCurrentTransactionId(DatumGetTransactionId(slot_getsysattr(slot,
																				  MinTransactionIdAttributeNumber,
																				  &isnull)));
}

bool
celeriac_scan_next(ReadyScan *scan, ReadyRow *row)
{
	TupleTableSlot *slot;

	if (scan->current >= 0)
		advance(&scan->segments[scan->current]);
	scan->current = lowest(scan);
	if (scan->current < 0)
		return false;
	slot = scan->segments[scan->current].slot;
	row->id = DatumGetUUIDP(slot->tts_values[Anum_message_id - 1]);
	row->ready = scan->segments[scan->current].ready;
	row->deliveries = DatumGetInt32(slot->tts_values[Anum_message_deliveries - 1]);
	row->place.segment = scan->current;
	row->place.tid = slot->tts_tid;
	row->own = is_own(slot);
	return true;
}

/* The older snapshot is let go only when the newer one is held. */
void
celeriac_scan_look_again(ReadyScan *scan)
{
	Snapshot	newer = RegisterSnapshot(GetLatestSnapshot());

	end_scan(scan);
	scan->snapshot = newer;
}

bool
celeriac_scan_read(ReadyScan *scan, const RowPlace *place, Row *row)
{
	SegmentScan *segment = &scan->segments[place->segment];
	TupleTableSlot *slot = segment_slot(segment);
	ItemPointerData tid = place->tid;

	if (!table_tuple_fetch_row_version(segment->rel, &tid, scan->snapshot, slot))
		return false;
	slot_getallattrs(slot);
	*row = (Row)
	{
		.values = slot->tts_values, .nulls = slot->tts_isnull
	};
	return true;
}
