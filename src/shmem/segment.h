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
#ifndef CELERIAC_SEGMENT_H
#define CELERIAC_SEGMENT_H

#include "base/names.h"

#include "port/atomics.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/* as src/sql/tables.sql creates them, and the parent */
#define CEL_MESSAGE_SEGMENTS	4
#define CEL_RESULT_SEGMENTS		5

typedef struct CelSegments
{
	pg_atomic_uint32 current;
	pg_atomic_uint64 added;		/* rows put there since it became so */
	pg_atomic_uint32 watched;	/* the coordinator wants to know of a change */
} CelSegments;

/* So many rows in a segment are worth its being emptied. */
#define CEL_SEGMENT_WORTH	1000
/* With so many it is left for the next, busy or not. */
#define CEL_SEGMENT_FULL	500000

/* where a version of a row is; segment < 0 = unknown */
typedef struct RowPlace
{
	int			segment;
	ItemPointerData tid;
} RowPlace;

extern const RowPlace celeriac_nowhere;

extern void celeriac_segments_init(CelSegments *segments);

/* the current segment of those relations, locked for inserting */
extern Relation celeriac_segment_open(CelSegments *segments, const Oid *relids);
/* the coordinator made that one current */
extern void celeriac_segment_switch(CelSegments *segments, uint32 number);
/* rows were put into the current one */
extern void celeriac_segment_added(CelSegments *segments, uint64 rows);

/*
 * Wake the coordinator when something has changed; may be called after
 * commit.
 */
extern void celeriac_segment_changed(CelSegments *segments);

/*
 * Where transactions overlap without end, no moment is free for a lock that is
 * not waited for.  So the coordinator may ask those who begin to stand back, for
 * this long at most.
 */
#define CEL_GATE_MS		20
#define CEL_GATE_NAP_US	500
#define CEL_GATE_NAPS	(CEL_GATE_MS * 1000 / CEL_GATE_NAP_US)

extern void celeriac_gate_close(void);
extern void celeriac_gate_open(void);
/* stand back if asked to, unless this transaction may be what is waited for */
extern void celeriac_gate_pass(void);

#endif							/* CELERIAC_SEGMENT_H */
