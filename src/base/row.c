/*
 * row.c
 *		Reading columns of a row, NULL or not.
 */
#include "base/row.h"

#include "access/htup_details.h"
#include "utils/builtins.h"

#include "base/relation.h"

const RowPlace celeriac_nowhere = {.segment = -1};

Datum
celeriac_row_datum(const Row *row, int number, bool *isnull)
{
	if (row->values != NULL)
	{
		*isnull = row->nulls[number - 1];
		return row->values[number - 1];
	}
	return heap_getattr(row->tuple, number, row->desc, isnull);
}

char *
celeriac_row_text(const Row *row, int number)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

Jsonb *
celeriac_row_jsonb(const Row *row, int number)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? NULL : DatumGetJsonbPCopy(value);
}

pg_uuid_t *
celeriac_row_uuid(const Row *row, int number)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? NULL : DatumGetUUIDP(value);
}

bool
celeriac_row_bool(const Row *row, int number, bool fallback)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? fallback : DatumGetBool(value);
}

int
celeriac_row_int32(const Row *row, int number, int fallback)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? fallback : DatumGetInt32(value);
}

int64
celeriac_row_int64(const Row *row, int number, int64 fallback)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? fallback : DatumGetInt64(value);
}

double
celeriac_row_float8(const Row *row, int number, double fallback)
{
	bool		isnull;
	Datum		value = celeriac_row_datum(row, number, &isnull);

	return isnull ? fallback : DatumGetFloat8(value);
}
