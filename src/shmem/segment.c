/*
 * segment.c
 *		Which child table takes new rows.
 */
#include "shmem/segment.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "funcapi.h"

#include "shmem/database.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(celeriac_current_segments);

/*
 * Looked at again once the lock is had.  So the coordinator, which makes another
 * segment the current one and then gets a lock on the old one that excludes
 * writers, knows that no session inserts there any more.
 */
Relation
celeriac_segment_open(CelSegments *segments, const Oid *relids)
{
	for (;;)
	{
		uint32		number = pg_atomic_read_u32(&segments->current);
		Relation	rel = table_open(relids[number], RowExclusiveLock);

		pg_memory_barrier();
		if (number == pg_atomic_read_u32(&segments->current))
			return rel;
		table_close(rel, RowExclusiveLock);
	}
}

void
celeriac_segment_switch(CelSegments *segments, uint32 number)
{
	pg_atomic_write_u32(&segments->current, number);
	pg_atomic_write_u64(&segments->added, 0);
	pg_memory_barrier();
}

/* The coordinator sleeps until there is a first row, enough, or too many. */
void
celeriac_segment_added(CelSegments *segments, uint64 rows)
{
	uint64		before = pg_atomic_fetch_add_u64(&segments->added, rows);
	uint64		after = before + rows;

	if (before == 0 ||
		(before < CEL_SEGMENT_WORTH && after >= CEL_SEGMENT_WORTH) ||
		(before < CEL_SEGMENT_FULL && after >= CEL_SEGMENT_FULL))
		celeriac_wake_coordinator(celeriac_my_database());
}

void
celeriac_segment_changed(CelSegments *segments)
{
	if (pg_atomic_read_u32(&segments->watched) != 0 &&
		pg_atomic_exchange_u32(&segments->watched, 0) != 0)
		celeriac_wake_coordinator(celeriac_my_database());
}

/* (messages, results) */
Datum
celeriac_current_segments(PG_FUNCTION_ARGS)
{
	CelDatabase *db = celeriac_my_database();
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(pg_atomic_read_u32(&db->messages.current));
	values[1] = Int32GetDatum(pg_atomic_read_u32(&db->results.current));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
