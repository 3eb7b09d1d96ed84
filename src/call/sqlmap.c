/*
 * sqlmap.c
 *		celeriac.map and celeriac.starmap: a SQL task, called once for each of
 *		many items.
 *
 * It is one task: the calls share its transaction, and the first error is its
 * end.  Those of C modules are called by worker/sdk/map.c.
 */
#include "call/sqlmap.h"

#include "miscadmin.h"

#include "base/delivery.h"
#include "base/errors.h"
#include "base/json.h"
#include "call/sqltask.h"
#include "sdk/map.h"

/* The item, or what it is a list of. */
static Jsonb *
item_args(const JsonbValue *item, bool star)
{
	JsonbParseState *state = NULL;

	if (!star)
	{
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		pushJsonbValue(&state, WJB_ELEM, unconstify(JsonbValue *, item));
		return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	}
	if (item->type != jbvBinary || !JsonContainerIsArray(item->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_ARGUMENT_MISMATCH),
				 errmsg("an item of a starmap is no list of arguments")));
	return JsonbValueToJsonb(unconstify(JsonbValue *, item));
}

static void
push_result(JsonbParseState **state, Jsonb *result)
{
	JsonbValue	value = {.type = jbvNull};

	if (result != NULL && JB_ROOT_IS_SCALAR(result))
		(void) JsonbExtractScalar(&result->root, &value);
	else if (result != NULL)
	{
		value.type = jbvBinary;
		value.val.binary.data = &result->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(result);
	}
	pushJsonbValue(state, WJB_ELEM, &value);
}

static Jsonb *
call_for_each(Oid function, Jsonb *items, bool star)
{
	JsonbIterator *it = JsonbIteratorInit(&items->root);
	JsonbParseState *state = NULL;
	Jsonb	   *no_kwargs = celeriac_empty_object();
	JsonbValue	item;

	(void) JsonbIteratorNext(&it, &item, true);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		push_result(&state, celeriac_sqltask_call(function, item_args(&item, star),
												  no_kwargs));
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
}

Jsonb *
celeriac_sqlmap_call(const Delivery *delivery)
{
	Jsonb	   *items;

	if (!map_is(delivery->name))
		return celeriac_sqltask_call(delivery->function, delivery->args, delivery->kwargs);
	items = celeriac_option_jsonb(delivery->kwargs, "it");
	if (items == NULL || !JB_ROOT_IS_ARRAY(items) || JB_ROOT_IS_SCALAR(items))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_ARGUMENT_MISMATCH),
				 errmsg("the keyword argument \"it\" is no list of items")));
	return call_for_each(delivery->function, items, strcmp(delivery->name, STARMAP_TASK) == 0);
}
