/*
 * edge.h
 *		Inserting rows into task_edge.
 */
#ifndef CELERIAC_ROWS_EDGE_H
#define CELERIAC_ROWS_EDGE_H

#include "base/names.h"

typedef struct EdgeRow
{
	const pg_uuid_t *source;
	const pg_uuid_t *target;
	int			slot;
	int			depth;
} EdgeRow;

/* between enter and leave; what comes next in this transaction sees them */
extern void celeriac_edges_insert(const EdgeRow *edges, int count);

#endif							/* CELERIAC_ROWS_EDGE_H */
