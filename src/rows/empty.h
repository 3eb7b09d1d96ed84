/*
 * empty.h
 *		Emptying a segment: is anything left in it, move that, truncate.
 */
#ifndef CELERIAC_ROWS_EMPTY_H
#define CELERIAC_ROWS_EMPTY_H

#include "base/names.h"

#include "access/xlogdefs.h"

/* What a look at a segment found, and where the WAL was then. */
typedef struct SegmentLook
{
	uint64		live;			/* rows, up to the limit */
	Oid			file;
	XLogRecPtr	lsn;
} SegmentLook;

/* false when somebody writes there just now */
extern bool celeriac_segment_look(Oid relid, uint64 limit, SegmentLook *look);
extern bool celeriac_segment_is_empty(Oid relid);

/*
 * Each false when somebody else has the table locked, or something has
 * changed since that look.
 */
extern bool celeriac_segment_truncate(Oid relid, const SegmentLook *look);
extern bool celeriac_segment_move_messages(Oid relid);
extern bool celeriac_segment_truncate_results(int number);
/* before that: what a canvas still waits for */
extern bool celeriac_segment_move_results(int number);
/* nobody writes there from now on, if it is not the current one */
extern bool celeriac_segment_writers_gone(Oid relid);

#endif							/* CELERIAC_ROWS_EMPTY_H */
