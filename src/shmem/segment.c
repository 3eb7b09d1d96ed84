/*
 * segment.c
 *		Which child table takes new rows.
 */
#include "shmem/segment.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "shmem/shmem.h"

const RowPlace celeriac_nowhere = {.segment = -1};
PG_FUNCTION_INFO_V1(celeriac_current_segments);

void
celeriac_segments_init(CelSegments *segments)
{
	pg_atomic_init_u32(&segments->current, 0);
	pg_atomic_init_u64(&segments->added, 0);
	pg_atomic_init_u32(&segments->watched, 0);
}

/*
 * Looked at again once the lock is had: whoever makes another segment the
 * current one, and then gets a lock on the old one that excludes writers, knows
 * that nobody inserts there any more.
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

void
celeriac_gate_close(void)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), CEL_GATE_MS);

	pg_atomic_write_u64(&celeriac_my_database()->gate, (uint64) until);
}

void
celeriac_gate_open(void)
{
	pg_atomic_write_u64(&celeriac_my_database()->gate, 0);
}

/*
 * A coordinator that dies leaves a time that passes; should the clock be set
 * back, the number of naps is what ends.
 */
void
celeriac_gate_pass(void)
{
	pg_atomic_uint64 *gate = &celeriac_my_database()->gate;
	uint64		until;

	for (int naps = 0; naps < CEL_GATE_NAPS; naps++)
	{
		until = pg_atomic_read_u64(gate);
		if (until == 0 || GetCurrentTimestamp() >= (TimestampTz) until ||
			TransactionIdIsValid(GetTopTransactionIdIfAny()))
			break;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(CEL_GATE_NAP_US);
	}
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
