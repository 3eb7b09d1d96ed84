/*
 * variadic.c
 *		Arguments of any type as a JSON array.
 */
#include "base/variadic.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"

#include "base/json.h"

/* jsonb_build_array over arguments of any type, as if called by SQL. */
static Jsonb *
build_array(int count, Datum *values, Oid *types, bool *nulls)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo	flinfo;
	List	   *exprs = NIL;

	if (count == 0)
		return celeriac_empty_array();
	for (int i = 0; i < count; i++)
		exprs = lappend(exprs, makeNullConst(types[i], -1, InvalidOid));
	fmgr_info(F_JSONB_BUILD_ARRAY_ANY, &flinfo);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_JSONB_BUILD_ARRAY_ANY, JSONBOID, exprs,
											 InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL), &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, count, InvalidOid, NULL, NULL);
	for (int i = 0; i < count; i++)
	{
		call->args[i].value = values[i];
		call->args[i].isnull = nulls[i];
	}
	return DatumGetJsonbP(FunctionCallInvoke(call));
}

Jsonb *
celeriac_variadic_args(FunctionCallInfo fcinfo, int first)
{
	Datum	   *values;
	Oid		   *types;
	bool	   *nulls;
	int			count;

	count = extract_variadic_args(fcinfo, first, true, &values, &types, &nulls);
	if (count < 0)
		return celeriac_empty_array();
	if (count > FUNC_MAX_ARGS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_ARGUMENTS),
				 errmsg("cannot pass more than %d arguments", FUNC_MAX_ARGS),
				 errhint("Pass them as one JSON array to task_send.")));
	return build_array(count, values, types, nulls);
}
