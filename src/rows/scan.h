/*
 * scan.h
 *		What is ready, in dispatch order, read without SQL.
 */
#ifndef CELERIAC_ROWS_SCAN_H
#define CELERIAC_ROWS_SCAN_H

#include "base/names.h"

#include "base/relation.h"
#include "base/row.h"

/* All segments of messages, open for reading; between enter and leave. */
typedef struct ReadyScan ReadyScan;

/* a row of the scan, until the next is asked for */
typedef struct ReadyRow
{
	const pg_uuid_t *id;
	int64		ready;
	int			deliveries;
	RowPlace	place;
	bool		own;			/* a version that this transaction wrote */
} ReadyRow;

extern ReadyScan *celeriac_scan_open(void);
extern void celeriac_scan_close(ReadyScan *scan);

/*
 * The rows of one level after a position that no worker holds by a lease, as a
 * snapshot taken at the start sees them.
 */
extern void celeriac_scan_start(ReadyScan *scan, const char *queue,
								int priority, int64 position);
extern bool celeriac_scan_next(ReadyScan *scan, ReadyRow *row);

/*
 * The same version of a row as a snapshot taken later sees it: true = it is
 * still the row, which stays valid until the next call.
 */
extern void celeriac_scan_look_again(ReadyScan *scan);
extern bool celeriac_scan_read(ReadyScan *scan, const RowPlace *place, Row *row);

extern void celeriac_scan_init(void);

#endif							/* CELERIAC_ROWS_SCAN_H */
