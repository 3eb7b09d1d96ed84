/*
 * sqltask.h
 *		Calling a SQL function as a task: JSON arguments in, jsonb out.
 */
#ifndef CELERIAC_CALL_SQLTASK_H
#define CELERIAC_CALL_SQLTASK_H

#include "base/names.h"

#include "utils/jsonb.h"

/*
 * Call it as the current user; SPI must be connected.  Result in the caller's
 * memory context; NULL for void or SQL NULL.  Errors are the function's own.
 */
extern Jsonb *celeriac_sqltask_call(Oid function, Jsonb *args, Jsonb *kwargs);

#endif							/* CELERIAC_CALL_SQLTASK_H */
