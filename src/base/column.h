/*
 * column.h
 *		Building the arrays that set-based statements take.
 */
#ifndef CELERIAC_BASE_COLUMN_H
#define CELERIAC_BASE_COLUMN_H

#include "base/names.h"

typedef struct Column
{
	Datum	   *values;
	bool	   *nulls;
} Column;

/* room for count values, none of them null yet */
extern Column celeriac_column(int count);
extern void celeriac_column_text(Column *column, int i, const char *text);
extern Datum celeriac_column_array(Column *column, int count, Oid type);

#endif							/* CELERIAC_BASE_COLUMN_H */
