/*
 * edge.c
 *		Inserting rows into task_edge.
 *
 * As COPY does it, many at a time, without a statement: a group of many
 * thousands has as many edges.  The table is ours alone; if somebody has put a
 * trigger on it, it is not called.
 */
#include "rows/edge.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "rows/store.h"
#include "session/identity.h"

#define BATCH	256

/* in the order of src/sql/graph.sql; what somebody has added after them is NULL */
enum
{
	EDGE_SOURCE, EDGE_TARGET, EDGE_SLOT, EDGE_DEPTH, EDGE_VALUE
};

static void
fill_slot(TupleTableSlot *slot, const EdgeRow *edge)
{
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	memset(slot->tts_isnull, false, EDGE_VALUE * sizeof(bool));
	slot->tts_values[EDGE_SOURCE] = UUIDPGetDatum(edge->source);
	slot->tts_values[EDGE_TARGET] = UUIDPGetDatum(edge->target);
	slot->tts_values[EDGE_SLOT] = Int32GetDatum(edge->slot);
	slot->tts_values[EDGE_DEPTH] = Int16GetDatum(edge->depth);
	ExecStoreVirtualTuple(slot);
}

void
celeriac_edges_insert(const EdgeRow *edges, int count)
{
	Relation	rel = table_open(CelExt.edge, RowExclusiveLock);
	EState	   *estate = CreateExecutorState();
	ResultRelInfo *info = makeNode(ResultRelInfo);
	TupleTableSlot *slots[BATCH];
	int			nslots = Min(count, BATCH);

	InitResultRelInfo(info, rel, 0, NULL, 0);
	ExecOpenIndices(info, false);
	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	for (int done = 0; done < count; done += nslots)
	{
		int			n = Min(nslots, count - done);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			fill_slot(slots[i], &edges[done + i]);
		celeriac_insert_rows(info, estate, slots, n);
	}
	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	ExecCloseIndices(info);
	FreeExecutorState(estate);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
