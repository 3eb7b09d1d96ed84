/*
 * segment.h
 *		The child tables that hold messages and results, by number.
 *
 * Number 0 is the parent, task_message or task_result, which is never
 * emptied: it holds rows whose ids users gave, and those that outlived their
 * segment.  New rows go to the current segment.  Which one that is stands in
 * shared memory only; after a restart it is 0, until the coordinator has
 * chosen another, and any would do.
 */
#ifndef CELERIAC_SHMEM_SEGMENT_H
#define CELERIAC_SHMEM_SEGMENT_H

#include "base/names.h"

#include "utils/relcache.h"

#include "shmem/shmem.h"

/* So many rows in a segment are worth its being emptied. */
#define CEL_SEGMENT_WORTH	1000
/* With so many it is left for the next, busy or not. */
#define CEL_SEGMENT_FULL	500000

/* the current segment of those relations, locked for inserting */
extern Relation celeriac_segment_open(CelSegments *segments, const Oid *relids);
/* the coordinator made this segment current */
extern void celeriac_segment_switch(CelSegments *segments, uint32 number);
/* rows were put into the current one */
extern void celeriac_segment_added(CelSegments *segments, uint64 rows);

/*
 * Wake the coordinator when something has changed; may be called after
 * commit.
 */
extern void celeriac_segment_changed(CelSegments *segments);

#endif							/* CELERIAC_SHMEM_SEGMENT_H */
