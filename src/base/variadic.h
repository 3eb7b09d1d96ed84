/*
 * variadic.h
 *		Arguments of any type as a JSON array.
 */
#ifndef CELERIAC_BASE_VARIADIC_H
#define CELERIAC_BASE_VARIADIC_H

#include "base/names.h"

#include "fmgr.h"
#include "utils/jsonb.h"

/* VARIADIC "any" from parameter first on */
extern Jsonb *celeriac_variadic_args(FunctionCallInfo fcinfo, int first);

#endif							/* CELERIAC_BASE_VARIADIC_H */
