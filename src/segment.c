/*
 * segment.c
 *		Which child table takes new rows.
 */
#include "segment.h"

#include "access/table.h"

void
celeriac_segments_init(CelSegments *segments)
{
	pg_atomic_init_u32(&segments->current, 0);
	pg_atomic_init_u64(&segments->added, 0);
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
