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
#include "sqltask.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "parser/parse_coerce.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "convert.h"
#include "errors.h"

typedef struct CallPlan
{
	struct CallPlan *next;
	struct SqlFunction *function;
	Bitmapset  *given;			/* parameters that get a value, from 0 */
	SPIPlanPtr	plan;
} CallPlan;

typedef struct SqlFunction
{
	Oid			oid;
	Oid			namespace_oid;
	const char *name;			/* for messages */
	const char *alias;			/* for statements */
	bool		returns_set;
	bool		returns_void;
	int			nparams;
	Parameter  *params;
	CallPlan   *plans;
	MemoryContext context;		/* holds all of this */
	struct SqlFunction *next;	/* when retired */
} SqlFunction;

typedef struct FunctionEntry
{
	Oid			oid;			/* hash key */
	uint32		hash;			/* as the syscache callback names it */
	bool		valid;
	SqlFunction *function;		/* NULL after an error while it was built */
} FunctionEntry;

/* Which value goes to which parameter. */
typedef struct Binding
{
	SqlFunction *function;
	bool		given[FUNC_MAX_ARGS];
	JsonbValue	values[FUNC_MAX_ARGS];
} Binding;

static HTAB *functions = NULL;

/*
 * Replaced descriptions.  One may belong to the call that is being executed,
 * so they are freed when the next call begins; calls do not nest.
 */
static SqlFunction *retired = NULL;

pg_noreturn static void refuse(const char *name, const char *detail, const char *hint);
pg_noreturn static void mismatch(SqlFunction *function, char *message);

/*
 * The cache
 */
static void
proc_changed(Datum arg, int cacheid, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	FunctionEntry *entry;

	hash_seq_init(&scan, functions);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (hash == 0 || entry->hash == hash)
			entry->valid = false;
	}
}

static void
create_cache(void)
{
	HASHCTL		info = {
		.keysize = sizeof(Oid),
		.entrysize = sizeof(FunctionEntry)
	};

	functions = hash_create("celeriac functions", 64, &info, HASH_ELEM | HASH_BLOBS);
	CacheRegisterSyscacheCallback(PROCOID, proc_changed, (Datum) 0);
}

static void
free_plans(SqlFunction *function)
{
	for (CallPlan *plan = function->plans; plan != NULL; plan = plan->next)
		SPI_freeplan(plan->plan);
	for (int i = 0; i < function->nparams; i++)
		celeriac_convert_free(&function->params[i]);
}

static void
free_retired(void)
{
	while (retired != NULL)
	{
		SqlFunction *function = retired;

		retired = function->next;
		free_plans(function);
		MemoryContextDelete(function->context);
	}
}

/*
 * What a function must be
 */
static void
refuse(const char *name, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("function %s cannot be a task", name),
			 errdetail_internal("%s", detail),
			 hint ? errhint("%s", hint) : 0));
}

static void
check_kind(Form_pg_proc proc, const char *name)
{
	static const struct
	{
		char		kind;
		const char *detail;
	}			refused[] = {
		{PROKIND_PROCEDURE, "It is a procedure."},
		{PROKIND_AGGREGATE, "It is an aggregate function."},
		{PROKIND_WINDOW, "It is a window function."},
	};

	for (int i = 0; i < lengthof(refused); i++)
	{
		if (proc->prokind == refused[i].kind)
			refuse(name, refused[i].detail, "Write a plain function that calls it.");
	}
	if (isAnyTempNamespace(proc->pronamespace))
		refuse(name, "It is temporary: no other session can call it.", NULL);
}

static void
check_result(Form_pg_proc proc, const char *name)
{
	Oid			type = proc->prorettype;

	if (get_typtype(type) == TYPTYPE_PSEUDO && type != VOIDOID &&
		type != RECORDOID && !IsPolymorphicType(type))
		refuse(name, psprintf("It returns %s.", format_type_be(type)),
			   "Only the server itself calls such functions.");
	if (type == RECORDOID && proc->proretset &&
		get_func_result_type(proc->oid, NULL, NULL) != TYPEFUNC_COMPOSITE)
		refuse(name, "It returns a set of records whose columns are not declared.",
			   "Declare them as output parameters or with RETURNS TABLE.");
}

/* What a parameter takes: its type, or jsonb where that is left open. */
static Oid
parameter_type(Oid declared, const char *function)
{
	switch (declared)
	{
		case ANYOID:
		case ANYELEMENTOID:
		case ANYNONARRAYOID:
		case ANYCOMPATIBLEOID:
		case ANYCOMPATIBLENONARRAYOID:
			return JSONBOID;
		case ANYARRAYOID:
		case ANYCOMPATIBLEARRAYOID:
			return JSONBARRAYOID;
		default:
			if (get_typtype(declared) == TYPTYPE_PSEUDO)
				refuse(function, psprintf("A parameter has type %s.",
										  format_type_be(declared)),
					   "JSON has no values of this type.");
			return declared;
	}
}

/*
 * Describing it
 */
static void
describe_type(SqlFunction *function, Parameter *param, Oid declared)
{
	param->type = parameter_type(declared, function->name);
	if (param->variadic && declared == ANYOID)
		param->type = JSONBARRAYOID;
	celeriac_convert_init(param, function->context);
}

static bool
is_input(const char *modes, int i)
{
	return modes == NULL || modes[i] == FUNC_PARAM_IN ||
		modes[i] == FUNC_PARAM_INOUT || modes[i] == FUNC_PARAM_VARIADIC;
}

static void
describe_parameters(SqlFunction *function, HeapTuple tuple)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			count = get_func_arg_info(tuple, &types, &names, &modes);

	function->params = palloc0(Max(proc->pronargs, 1) * sizeof(Parameter));
	for (int i = 0; i < count; i++)
	{
		Parameter  *param = &function->params[function->nparams];

		if (!is_input(modes, i))
			continue;
		param->name = names != NULL && names[i] != NULL ? names[i] : "";
		param->argnum = i + 1;
		param->variadic = modes != NULL && modes[i] == FUNC_PARAM_VARIADIC;
		param->has_default =
			function->nparams >= proc->pronargs - proc->pronargdefaults;
		describe_type(function, param, types[i]);
		function->nparams++;
	}
}

static void
describe_function(SqlFunction *function, HeapTuple tuple)
{
	Form_pg_proc proc = (Form_pg_proc) GETSTRUCT(tuple);

	function->oid = proc->oid;
	function->namespace_oid = proc->pronamespace;
	function->name = psprintf("%s()", NameStr(proc->proname));
	function->alias = pstrdup(quote_identifier(NameStr(proc->proname)));
	function->returns_set = proc->proretset;
	function->returns_void = (proc->prorettype == VOIDOID);
	check_kind(proc, function->name);
	check_result(proc, function->name);
	describe_parameters(function, tuple);
}

/* In a context of its own, which an error leaves to the transaction. */
static SqlFunction *
build_function(Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(oid));
	MemoryContext context;
	MemoryContext old;
	SqlFunction *function;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function with OID %u does not exist", oid)));
	context = AllocSetContextCreate(CurrentMemoryContext, "celeriac function",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	function = palloc0(sizeof(SqlFunction));
	function->context = context;
	describe_function(function, tuple);
	MemoryContextSwitchTo(old);
	ReleaseSysCache(tuple);
	MemoryContextSetParent(context, CacheMemoryContext);
	return function;
}

static void
retire(SqlFunction *function)
{
	if (function == NULL)
		return;
	function->next = retired;
	retired = function;
}

static SqlFunction *
get_function(Oid oid)
{
	FunctionEntry *entry;
	SqlFunction *built;
	bool		found;

	if (functions == NULL)
		create_cache();
	entry = hash_search(functions, &oid, HASH_FIND, NULL);
	if (entry != NULL && entry->valid)
		return entry->function;

	built = build_function(oid);
	entry = hash_search(functions, &oid, HASH_ENTER, &found);
	if (found)
		retire(entry->function);
	entry->hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(oid));
	entry->function = built;
	entry->valid = true;
	return built;
}

void
celeriac_sqltask_check_function(Oid function)
{
	(void) get_function(function);
}

/*
 * Binding: values to parameters, as Python does it.
 */
static void
mismatch(SqlFunction *function, char *message)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_ARGUMENT_MISMATCH),
			 errmsg("%s %s", function->name, message)));
}

static bool
is_variadic(SqlFunction *function)
{
	return function->nparams > 0 &&
		function->params[function->nparams - 1].variadic;
}

static char *
takes(SqlFunction *function)
{
	int			most = function->nparams;
	int			least = 0;

	while (least < most && !function->params[least].has_default)
		least++;
	if (least < most)
		return psprintf("from %d to %d arguments", least, most);
	return psprintf(most == 1 ? "%d argument" : "%d arguments", most);
}

/* What is left for the VARIADIC parameter, as an array. */
static void
bind_rest(Binding *binding, int number, JsonbIterator **it)
{
	JsonbParseState *state = NULL;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(it, &value, true) == WJB_ELEM)
	{
		pushJsonbValue(&state, WJB_ELEM, &value);
		binding->given[number] = true;
	}
	binding->values[number] = *pushJsonbValue(&state, WJB_END_ARRAY, NULL);
}

static void
bind_positional(Binding *binding, Jsonb *args)
{
	SqlFunction *function = binding->function;
	int			plain = function->nparams - (is_variadic(function) ? 1 : 0);
	int			count = JB_ROOT_COUNT(args);
	JsonbIterator *it = JsonbIteratorInit(&args->root);
	JsonbValue	value;

	if (count > plain && !is_variadic(function))
		mismatch(function, psprintf("takes %s, %d given", takes(function), count));
	JsonbIteratorNext(&it, &value, true);	/* the array itself */
	for (int i = 0; i < Min(count, plain); i++)
	{
		JsonbIteratorNext(&it, &binding->values[i], true);
		binding->given[i] = true;
	}
	if (is_variadic(function))
		bind_rest(binding, plain, &it);
}

static int
find_parameter(SqlFunction *function, const JsonbValue *key)
{
	for (int i = 0; i < function->nparams; i++)
	{
		const char *name = function->params[i].name;

		if (name[0] != '\0' && strlen(name) == key->val.string.len &&
			memcmp(name, key->val.string.val, key->val.string.len) == 0)
			return i;
	}
	mismatch(function, psprintf("got an unexpected keyword argument \"%.*s\"",
								key->val.string.len, key->val.string.val));
}

static void
bind_keywords(Binding *binding, Jsonb *kwargs)
{
	SqlFunction *function = binding->function;
	JsonbIterator *it = JsonbIteratorInit(&kwargs->root);
	JsonbValue	key;

	JsonbIteratorNext(&it, &key, true); /* the object itself */
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		int			i = find_parameter(function, &key);

		if (binding->given[i])
			mismatch(function, psprintf("got multiple values for argument \"%s\"",
										function->params[i].name));
		JsonbIteratorNext(&it, &binding->values[i], true);
		binding->given[i] = true;
	}
}

static void
require_all(Binding *binding)
{
	SqlFunction *function = binding->function;
	StringInfoData missing;
	int			count = 0;

	initStringInfo(&missing);
	for (int i = 0; i < function->nparams; i++)
	{
		Parameter  *param = &function->params[i];

		if (binding->given[i] || param->has_default || param->variadic)
			continue;
		if (count++ > 0)
			appendStringInfoString(&missing, ", ");
		if (param->name[0] != '\0')
			appendStringInfo(&missing, "\"%s\"", param->name);
		else
			appendStringInfo(&missing, "number %d", i + 1);
	}
	if (count > 0)
		mismatch(function, psprintf(count == 1 ? "misses %d argument: %s" :
									"misses %d arguments: %s", count, missing.data));
	pfree(missing.data);
}

/* A VARIADIC parameter without values or default gets the empty array. */
static void
bind_nothing(Binding *binding)
{
	SqlFunction *function = binding->function;
	int			last = function->nparams - 1;

	if (!is_variadic(function) || binding->given[last] ||
		function->params[last].has_default)
		return;
	memset(&binding->values[last], 0, sizeof(JsonbValue));
	binding->values[last].type = jbvArray;
	binding->given[last] = true;
}

static void
bind(Binding *binding, SqlFunction *function, Jsonb *args, Jsonb *kwargs)
{
	binding->function = function;
	memset(binding->given, 0, sizeof(binding->given));
	if (args != NULL)
		bind_positional(binding, args);
	if (kwargs != NULL)
		bind_keywords(binding, kwargs);
	require_all(binding);
	bind_nothing(binding);
}

/* No function, or one that is gone, accepts any: tasks end as NotRegistered. */
void
celeriac_sqltask_check_arguments(Oid function, Jsonb *args, Jsonb *kwargs)
{
	Binding		binding;

	if (OidIsValid(function) &&
		SearchSysCacheExists1(PROCOID, ObjectIdGetDatum(function)))
		bind(&binding, get_function(function), args, kwargs);
}

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

	free_retired();
	bind(&binding, get_function(oid), args, kwargs);
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
