/*
 * binding.h
 *		Which argument of a task goes to which parameter of its function.
 */
#ifndef CELERIAC_CALL_BINDING_H
#define CELERIAC_CALL_BINDING_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "call/function.h"

/*
 * Raises celeriac_argument_mismatch when the arguments cannot fit the
 * parameters: too many, unknown names, given twice, missing without default.
 * Types are checked only when the task runs.
 */
extern void celeriac_sqltask_check_arguments(Oid function, Jsonb *args,
											 Jsonb *kwargs);

/* Which value goes to which parameter. */
typedef struct Binding
{
	SqlFunction *function;
	bool		given[FUNC_MAX_ARGS];
	JsonbValue	values[FUNC_MAX_ARGS];
} Binding;

extern void celeriac_bind(Binding *binding, SqlFunction *function, Jsonb *args, Jsonb *kwargs);

#endif							/* CELERIAC_CALL_BINDING_H */
