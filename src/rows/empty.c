/*
 * empty.c
 *		Emptying a segment: is anything left in it, move that, truncate.
 *
 * Locks are never waited for: a queued exclusive lock would stop everybody who
 * comes after it, for as long as the slowest before it.  When one cannot be
 * had, the segment stays as it is, and is tried again later.
 *
 * TRUNCATE gives the space back whatever old snapshots are open: for them the
 * table becomes empty.  What it must never take is a row that somebody can
 * still see in a new snapshot.  So a look is made first, without holding up
 * anybody, and under the exclusive lock only those pages are looked at again
 * that were written since.  The look takes its snapshot while no writer is at
 * work, so that whatever it does not see has been written later.
 *
 * A row is moved by copying it to segment 0 and deleting it here, under a lock
 * that excludes whoever changes rows or locks them.  So nobody waits for a
 * row that is being moved: he waits for the table, takes his snapshot after
 * that (exec.c), and finds the row at its new place.  Claims are by id, and
 * move with it.  The move says that the row is ready, as if it were new: a
 * fetch that looks at one segment after another may have missed it in both.
 */
#include "rows/empty.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/relation.h"
#include "base/row.h"
#include "rows/store.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "session/readylist.h"
#include "shmem/gate.h"

/*
 * A lock that is had at once, or within the moment for which newcomers stand
 * back; who is in the middle of something has that long to finish.
 */
static bool
lock_at_once(Oid relid, LOCKMODE mode)
{
	if (ConditionalLockRelationOid(relid, mode))
		return true;
	celeriac_gate_close();
	for (int naps = 0; naps < CEL_GATE_NAPS; naps++)
	{
		pg_usleep(CEL_GATE_NAP_US);
		CHECK_FOR_INTERRUPTS();
		if (ConditionalLockRelationOid(relid, mode))
			return true;
	}
	celeriac_gate_open();
	return false;
}

/*
 * Looking
 */

/* No writer holds the table, for as long as this is true. */
static Relation
open_without_writers(Oid relid)
{
	if (!lock_at_once(relid, ShareLock))
		return NULL;
	return table_open(relid, NoLock);
}

/* Backwards: what is left is mostly what came last. */
static uint64
count_live(Relation rel, Snapshot snapshot, uint64 limit)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	uint64		live = 0;

	while (live < limit && table_scan_getnextslot(scan, BackwardScanDirection, slot))
	{
		live++;
		CHECK_FOR_INTERRUPTS();
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return live;
}

bool
celeriac_segment_look(Oid relid, uint64 limit, SegmentLook *look)
{
	Relation	rel = open_without_writers(relid);
	Snapshot	snapshot;

	if (rel == NULL)
		return false;
	look->file = rel->rd_rel->relfilenode;
	look->lsn = GetXLogInsertRecPtr();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	LockRelationOid(relid, AccessShareLock);
	UnlockRelationOid(relid, ShareLock);
	look->live = count_live(rel, snapshot, limit);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return true;
}

bool
celeriac_segment_is_empty(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	bool		empty = RelationGetNumberOfBlocks(rel) == 0;

	table_close(rel, AccessShareLock);
	return empty;
}

bool
celeriac_segment_writers_gone(Oid relid)
{
	return lock_at_once(relid, ShareLock);
}

/*
 * Looking again, under the exclusive lock
 */
static bool
written_since(Relation rel, BlockNumber block, XLogRecPtr lsn)
{
	Buffer		buffer = ReadBuffer(rel, block);
	bool		written = BufferGetLSNAtomic(buffer) > lsn;

	ReleaseBuffer(buffer);
	return written;
}

static bool
block_has_live(Relation rel, TupleTableSlot *slot, Snapshot snapshot, BlockNumber block)
{
	ItemPointerData first;
	ItemPointerData last;
	TableScanDesc scan;
	bool		live;

	ItemPointerSet(&first, block, FirstOffsetNumber);
	ItemPointerSet(&last, block, MaxOffsetNumber);
	scan = table_beginscan_tidrange(rel, snapshot, &first, &last);
	live = table_scan_getnextslot_tidrange(scan, ForwardScanDirection, slot);
	ExecClearTuple(slot);
	table_endscan(scan);
	return live;
}

static bool
still_drained(Relation rel, const SegmentLook *look)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		logged = RelationNeedsWAL(rel) && rel->rd_rel->relfilenode == look->file;
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);
	bool		drained = true;

	for (BlockNumber b = 0; drained && b < blocks; b++)
	{
		if (!logged || written_since(rel, b, look->lsn))
			drained = !block_has_live(rel, slot, snapshot, b);
	}
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	return drained;
}

static void
truncate_segment(Relation rel)
{
	List	   *logged = RelationIsLogicallyLogged(rel) ?
		list_make1_oid(RelationGetRelid(rel)) : NIL;

	celeriac_truncate(rel, logged);
}

bool
celeriac_segment_truncate(Oid relid, const SegmentLook *look)
{
	Relation	rel;
	bool		drained;

	if (!lock_at_once(relid, AccessExclusiveLock))
		return false;
	rel = table_open(relid, NoLock);
	drained = still_drained(rel, look);
	if (drained)
		truncate_segment(rel);
	table_close(rel, NoLock);
	return drained;
}

/*
 * Moving
 */
static void
move_row(Relation rel, Store *store, TupleTableSlot *slot, Snapshot snapshot)
{
	TM_FailureData failure;

	celeriac_store_copy(store, slot);
	if (table_tuple_delete(rel, &slot->tts_tid, GetCurrentCommandId(true), snapshot,
						   InvalidSnapshot, false, &failure, true) != TM_Ok)
		elog(ERROR, "a row of \"%s\" changed while it was moved", RelationGetRelationName(rel));
}

static void
publish_moved(TupleTableSlot *slot)
{
	Row			row = {.values = slot->tts_values, .nulls = slot->tts_isnull};
	int64		ready = celeriac_row_int64(&row, Anum_message_ready, 0);
	bool		isnull;

	if (ready == 0)
		return;
	celeriac_xact_ready(celeriac_row_text(&row, Anum_message_queue),
						DatumGetInt16(celeriac_row_datum(&row, Anum_message_priority, &isnull)),
						ready, false);
}

static void
move_messages(Relation rel, Store *store)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		move_row(rel, store, slot, snapshot);
		publish_moved(slot);
		CHECK_FOR_INTERRUPTS();
	}
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
}

bool
celeriac_segment_move_messages(Oid relid)
{
	Relation	rel;
	Store	   *store;

	if (!lock_at_once(CelExt.messages[0], RowExclusiveLock) ||
		!lock_at_once(relid, ExclusiveLock))
		return false;
	store = celeriac_store_parked_messages();
	if (store == NULL)
		return false;
	rel = table_open(relid, NoLock);
	move_messages(rel, store);
	table_close(rel, NoLock);
	celeriac_store_close(store);
	return true;
}

/*
 * Results
 *
 * They are not drained: they have expired, all of them.  Only those that a
 * canvas still waits for are kept: they move to segment 0 before, in a
 * transaction that keeps nobody out.  Nobody writes there any more, and nothing
 * that has ended comes to be waited for, so it is done once.
 */
static bool
delete_result(Relation rel, TupleTableSlot *slot, Snapshot snapshot)
{
	TM_FailureData failure;

	return table_tuple_delete(rel, &slot->tts_tid, GetCurrentCommandId(true), snapshot,
							  InvalidSnapshot, false, &failure, true) == TM_Ok;
}

/* One that somebody just now deletes is not wanted. */
static void
move_results(Relation rel, Store *store, uint64 rows)
{
	SPITupleTable *table = SPI_tuptable;
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;
		Datum		tid = SPI_getbinval(table->vals[i], table->tupdesc, 1, &isnull);

		if (table_tuple_fetch_row_version(rel, (ItemPointer) DatumGetPointer(tid),
										  snapshot, slot) &&
			delete_result(rel, slot, snapshot))
			celeriac_store_copy(store, slot);
	}
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
}

bool
celeriac_segment_move_results(int number)
{
	uint64		rows = celeriac_exec(STMT_WANTED_RESULTS_1 + number - 1, NULL, NULL);
	Relation	rel;
	Store	   *store;

	if (rows == 0)
		return true;
	if (!lock_at_once(CelExt.results[0], RowExclusiveLock) ||
		!lock_at_once(CelExt.results[number], RowExclusiveLock))
		return false;
	store = celeriac_store_parked_results();
	if (store == NULL)
		return false;
	rel = table_open(CelExt.results[number], NoLock);
	move_results(rel, store, rows);
	table_close(rel, NoLock);
	celeriac_store_close(store);
	return true;
}

bool
celeriac_segment_truncate_results(int number)
{
	Relation	rel;

	if (!lock_at_once(CelExt.results[number], AccessExclusiveLock))
		return false;
	rel = table_open(CelExt.results[number], NoLock);
	truncate_segment(rel);
	table_close(rel, NoLock);
	return true;
}
