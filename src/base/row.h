/*
 * row.h
 *		Reading columns of a row, NULL or not: of a tuple, or of values that are
 *		to become one.
 */
#ifndef CELERIAC_BASE_ROW_H
#define CELERIAC_BASE_ROW_H

#include "base/names.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "utils/jsonb.h"

#include "base/relation.h"

typedef struct Row
{
	HeapTuple	tuple;
	TupleDesc	desc;
	const Datum *values;		/* NULL = read the tuple */
	const bool *nulls;
} Row;

extern Datum celeriac_row_datum(const Row *row, int number, bool *isnull);

/* copies in the current context; NULL for NULL */
extern char *celeriac_row_text(const Row *row, int number);
extern Jsonb *celeriac_row_jsonb(const Row *row, int number);
/* points into the row */
extern pg_uuid_t *celeriac_row_uuid(const Row *row, int number);

extern bool celeriac_row_bool(const Row *row, int number, bool fallback);
extern int	celeriac_row_int32(const Row *row, int number, int fallback);
extern int64 celeriac_row_int64(const Row *row, int number, int64 fallback);
extern double celeriac_row_float8(const Row *row, int number, double fallback);

extern const RowPlace celeriac_nowhere;

#endif							/* CELERIAC_BASE_ROW_H */
