/*
 * convert.h
 *		JSON values as values of a function's parameters.
 */
#ifndef CELERIAC_CALL_CONVERT_H
#define CELERIAC_CALL_CONVERT_H

#include "base/names.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/jsonb.h"

/* How a value becomes one of the parameter's type. */
typedef enum Conversion
{
	CONVERT_TEXT,				/* its text, by the input function */
	CONVERT_JSON,				/* json, jsonb: as it is */
	CONVERT_JSON_ARRAY,			/* arrays of those: the elements as they are */
	CONVERT_STRUCTURE,			/* arrays, composites: like jsonb_to_record */
	CONVERT_JSON_DOMAIN			/* domains over json: likewise, scalars too */
} Conversion;

typedef struct Parameter
{
	const char *name;			/* "" = none */
	Oid			type;			/* jsonb for a polymorphic one */
	int			argnum;			/* counted with output parameters, from 1 */
	bool		has_default;
	bool		variadic;
	bool		is_domain;
	Conversion	conversion;
	FmgrInfo	input;
	Oid			ioparam;
	SPIPlanPtr	convert;		/* jsonb_to_record; made on first use */
} Parameter;

/* its type is set: find out how values become one */
extern void celeriac_convert_init(Parameter *param, MemoryContext context);
extern void celeriac_convert_free(Parameter *param);

/* SPI must be connected; errors are those of the type */
extern Datum celeriac_convert(Parameter *param, JsonbValue *value, bool *isnull);

/* the first column of the first row that SPI returned, with this code */
extern Datum celeriac_first_value(int code, bool *isnull);

#endif							/* CELERIAC_CALL_CONVERT_H */
