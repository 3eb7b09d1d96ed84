/*
 * function.c
 *		Descriptions of the functions that tasks call, kept by each backend.
 */
#include "call/function.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "call/convert.h"

typedef struct FunctionEntry
{
	Oid			oid;			/* hash key */
	uint32		hash;			/* as the syscache callback names it */
	bool		valid;
	SqlFunction *function;
} FunctionEntry;

static HTAB *functions = NULL;

/* How often a function has changed: one may while it is described. */
static uint32 changes = 0;

/*
 * Replaced descriptions.  One may belong to the call that is being executed,
 * so they are freed when the next call begins; calls do not nest.
 */
static SqlFunction *retired = NULL;

PG_FUNCTION_INFO_V1(celeriac_check_function);

pg_noreturn static void refuse(const char *name, const char *detail, const char *hint);

/*
 * The cache
 */
static void
proc_changed(Datum arg, int cacheid, uint32 hash)
{
	HASH_SEQ_STATUS scan;
	FunctionEntry *entry;

	changes++;
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

void
celeriac_functions_settle(void)
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

SqlFunction *
celeriac_function(Oid oid)
{
	FunctionEntry *entry;
	SqlFunction *built;
	uint32		seen;
	bool		found;

	if (functions == NULL)
		create_cache();
	entry = hash_search(functions, &oid, HASH_FIND, NULL);
	if (entry != NULL && entry->valid)
		return entry->function;

	seen = changes;
	built = build_function(oid);
	entry = hash_search(functions, &oid, HASH_ENTER, &found);
	if (found)
		retire(entry->function);
	entry->hash = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(oid));
	entry->function = built;

	/* what may be out of date already is good for this call only */
	entry->valid = (seen == changes);
	return built;
}

Datum
celeriac_check_function(PG_FUNCTION_ARGS)
{
	(void) celeriac_function(PG_GETARG_OID(0));
	PG_RETURN_TEXT_P(cstring_to_text(format_procedure_qualified(PG_GETARG_OID(0))));
}
