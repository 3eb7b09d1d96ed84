/*
 * column.c
 *		Building the arrays that set-based statements take.
 */
#include "base/column.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

Column
celeriac_column(int count)
{
	Column		column = {
		palloc_extended((count + 1) * sizeof(Datum), MCXT_ALLOC_HUGE),
		palloc_extended((count + 1) * sizeof(bool), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)
	};

	return column;
}

void
celeriac_column_text(Column *column, int i, const char *text)
{
	column->nulls[i] = (text == NULL);
	if (text != NULL)
		column->values[i] = CStringGetTextDatum(text);
}

Datum
celeriac_column_array(Column *column, int count, Oid type)
{
	int16		length;
	bool		byval;
	char		align;
	int			lower = 1;

	get_typlenbyvalalign(type, &length, &byval, &align);
	return PointerGetDatum(construct_md_array(column->values, column->nulls, 1, &count,
											  &lower, type, length, byval, align));
}
