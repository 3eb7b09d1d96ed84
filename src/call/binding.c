/*
 * binding.c
 *		Which argument of a task goes to which parameter of its function.
 */
#include "call/binding.h"

#include "utils/syscache.h"

#include "base/compat.h"
#include "base/errors.h"
#include "call/convert.h"
#include "call/function.h"

pg_noreturn static void mismatch(SqlFunction *function, char *message);

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

void
celeriac_bind(Binding *binding, SqlFunction *function, Jsonb *args, Jsonb *kwargs)
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
		celeriac_bind(&binding, celeriac_function(function), args, kwargs);
}
