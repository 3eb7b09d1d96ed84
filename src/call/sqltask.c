/*
 * sqltask.c
 *		Calling a SQL function as a task: JSON arguments in, jsonb out.
 *
 * A call is a cached plan, one per function and set of parameters given.  Its
 * statement is
 *
 *		SELECT pg_catalog.to_jsonb($1) AS name
 *
 * where $1 stands for the call as a whole: a parser hook puts the function by
 * its OID there, with the values given as parameters of the plan and the
 * defaults of the others.  No name is looked up, so neither overloads nor the
 * search_path of whoever runs it have a say.
 *
 * Polymorphic parameters take jsonb.
 *
 * What is known of a function is dropped when its pg_proc row changes.  Plans
 * follow changes below that by themselves (plancache).
 */
#include "call/sqltask.h"

#include "access/htup_details.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "call/binding.h"
#include "call/convert.h"
#include "call/function.h"

/*
 * Converting what was given
 */
static void
conversion_context(void *arg)
{
	const Parameter *param = *(Parameter **) arg;

	if (param == NULL)
		return;
	if (param->name[0] != '\0')
		errcontext("task argument \"%s\"", param->name);
	else
		errcontext("task argument %d", param->argnum);
}

/* The parameters given, as the plan numbers them. */
static ParamListInfo
convert_all(Binding *binding)
{
	SqlFunction *function = binding->function;
	ParamListInfo params = makeParamList(function->nparams);
	Parameter  *current = NULL;
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = conversion_context,
		.arg = &current
	};
	int			count = 0;

	error_context_stack = &context;
	for (int i = 0; i < function->nparams; i++)
	{
		ParamExternData *param = &params->params[count];

		if (!binding->given[i])
			continue;
		current = &function->params[i];
		param->value = celeriac_convert(current, &binding->values[i], &param->isnull);
		param->pflags = PARAM_FLAG_CONST;
		param->ptype = current->type;
		count++;
	}
	error_context_stack = context.previous;
	params->numParams = count;
	return params;
}

/*
 * The call
 */

/* The values of the parameters given, numbered in their order. */
static Node *
value_node(Oid type, int number)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = type;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(type);
	param->location = -1;
	return (Node *) param;
}

/* Defaults belong to the last parameters. */
static List *
defaults_of(HeapTuple tuple)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proargdefaults,
										&isnull);

	return isnull ? NIL : castNode(List, stringToNode(TextDatumGetCString(value)));
}

static Node *
default_node(List *defaults, const SqlFunction *function, int number)
{
	int			first = function->nparams - list_length(defaults);

	if (number < first)
		elog(ERROR, "parameter %d of %s has no default", number + 1, function->name);
	return list_nth(defaults, number - first);
}

static List *
argument_nodes(const CallPlan *call, HeapTuple tuple)
{
	const SqlFunction *function = call->function;
	List	   *defaults = defaults_of(tuple);
	List	   *args = NIL;
	int			given = 0;

	for (int i = 0; i < function->nparams; i++)
	{
		if (bms_is_member(i, call->given))
			args = lappend(args, value_node(function->params[i].type, ++given));
		else
			args = lappend(args, default_node(defaults, function, i));
	}
	return args;
}

/* The result's type; a polymorphic one follows from the arguments. */
static Oid
result_type(Form_pg_proc proc, List *args)
{
	Oid			declared[FUNC_MAX_ARGS];
	Oid			actual[FUNC_MAX_ARGS];

	for (int i = 0; i < proc->pronargs; i++)
	{
		declared[i] = proc->proargtypes.values[i];
		actual[i] = exprType(list_nth(args, i));
	}
	return enforce_generic_type_consistency(actual, declared, proc->pronargs,
											proc->prorettype, false);
}

static Node *
call_node(ParseState *pstate, ParamRef *ref)
{
	const CallPlan *call = pstate->p_ref_hook_state;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->function->oid));
	Form_pg_proc proc;
	List	   *args;
	FuncExpr   *expr;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->function->oid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	args = argument_nodes(call, tuple);
	expr = makeFuncExpr(proc->oid, result_type(proc, args), args, InvalidOid, InvalidOid,
						COERCE_EXPLICIT_CALL);
	expr->funcretset = proc->proretset;
	expr->funcvariadic = OidIsValid(proc->provariadic);
	if (proc->proretset)
	{
		pstate->p_hasTargetSRFs = true;
		pstate->p_last_srf = (Node *) expr;
	}
	ReleaseSysCache(tuple);
	return (Node *) expr;
}

static void
set_up_parser(ParseState *pstate, void *call)
{
	pstate->p_ref_hook_state = call;
	pstate->p_paramref_hook = call_node;
}

/* The alias is for those who read it: in logs, in an error's context. */
static char *
call_statement(const SqlFunction *function)
{
	const char *form = "SELECT pg_catalog.to_jsonb($1) AS %s";

	if (function->returns_void)
		form = "SELECT $1 AS %s";
	else if (function->returns_set)
		form = "SELECT COALESCE(pg_catalog.jsonb_agg(x.v), '[]'::pg_catalog.jsonb) AS %s"
			" FROM (SELECT pg_catalog.to_jsonb($1) AS v) AS x";
	return psprintf(form, function->alias);
}

static void
prepare_call(CallPlan *call)
{
	char	   *sql = call_statement(call->function);

	call->plan = SPI_prepare_params(sql, set_up_parser, call, CURSOR_OPT_GENERIC_PLAN);
	if (call->plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	SPI_keepplan(call->plan);
}

static Bitmapset *
given_set(Binding *binding)
{
	Bitmapset  *given = NULL;

	for (int i = 0; i < binding->function->nparams; i++)
	{
		if (binding->given[i])
			given = bms_add_member(given, i);
	}
	return given;
}

static SPIPlanPtr
find_plan(Binding *binding)
{
	SqlFunction *function = binding->function;
	Bitmapset  *given = given_set(binding);
	CallPlan   *call;
	MemoryContext old;

	for (call = function->plans; call != NULL; call = call->next)
	{
		if (bms_equal(call->given, given))
			return call->plan;
	}

	/* it has to live as long as the plan, whose parser hook reads it */
	old = MemoryContextSwitchTo(function->context);
	call = palloc0(sizeof(CallPlan));
	call->function = function;
	call->given = bms_copy(given);
	MemoryContextSwitchTo(old);
	prepare_call(call);
	call->next = function->plans;
	function->plans = call;
	return call->plan;
}

/*
 * The plan may have been made by another role, and what was inlined into it is
 * not checked again.
 */
static void
check_rights(SqlFunction *function)
{
	AclResult	result = celeriac_schema_aclcheck(function->namespace_oid, GetUserId());

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, get_namespace_name(function->namespace_oid));
	result = celeriac_function_aclcheck(function->oid, GetUserId());
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function->oid));
}

Jsonb *
celeriac_sqltask_call(Oid oid, Jsonb *args, Jsonb *kwargs)
{
	MemoryContext caller = CurrentMemoryContext;
	Binding		binding;
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	bool		returns_void;
	bool		isnull;
	Datum		result;
	Jsonb	   *copy = NULL;

	celeriac_functions_settle();
	celeriac_bind(&binding, celeriac_function(oid), args, kwargs);
	check_rights(binding.function);
	returns_void = binding.function->returns_void;
	plan = find_plan(&binding);
	options.params = convert_all(&binding);
	result = celeriac_first_value(SPI_execute_plan_extended(plan, &options), &isnull);
	MemoryContextSwitchTo(caller);
	if (!isnull && !returns_void)
		copy = DatumGetJsonbPCopy(result);
	SPI_freetuptable(SPI_tuptable);
	return copy;
}
