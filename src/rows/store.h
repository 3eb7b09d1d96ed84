/*
 * store.h
 *		Inserting messages and results without SQL.
 */
#ifndef CELERIAC_ROWS_STORE_H
#define CELERIAC_ROWS_STORE_H

#include "base/names.h"

#include "executor/tuptable.h"
#include "nodes/execnodes.h"

typedef struct Store Store;

/*
 * The current segment, to insert into; between enter and leave.  NULL when
 * a user has put triggers, rules, checks or columns on these tables: then only
 * SQL on the parent does them justice.
 */
extern Store *celeriac_store_messages(void);
extern Store *celeriac_store_results(void);

/* Segment 0, for rows that may stay for long; likewise. */
extern Store *celeriac_store_parked_messages(void);
extern Store *celeriac_store_parked_results(void);

/* Are the tables as we made them? */
extern bool celeriac_store_plain(void);

/*
 * Add a row: all columns, in the table's order.  What the values point to must
 * last until the store is closed, which writes what is left.
 */
extern void celeriac_store_put(Store *store, const Datum *values, const bool *nulls);
/* add one that was stored elsewhere before: a copy is taken, and nothing told */
extern void celeriac_store_copy(Store *store, TupleTableSlot *row);
extern void celeriac_store_close(Store *store);

/* Rows into a table and its indexes, which are open. */
extern void celeriac_insert_rows(ResultRelInfo *info, EState *estate,
								 TupleTableSlot **slots, int count);

extern void celeriac_store_init(void);

#endif							/* CELERIAC_ROWS_STORE_H */
