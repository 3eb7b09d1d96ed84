/*
 * convert.c
 *		JSON values as values of a function's parameters.
 *
 * Values are converted as jsonb_to_record does it: json and jsonb parameters
 * take the value as it is, other types the text of a scalar through their
 * input function, arrays and composites structure by structure.  JSON null is
 * SQL NULL for every type.
 */
#include "call/convert.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

static bool
is_json(Oid type)
{
	return type == JSONOID || type == JSONBOID;
}

static Conversion
choose_conversion(Oid type)
{
	if (is_json(type))
		return CONVERT_JSON;
	if (is_json(getBaseType(type)))
		return CONVERT_JSON_DOMAIN;
	if (is_json(get_element_type(type)))
		return CONVERT_JSON_ARRAY;
	if (OidIsValid(get_base_element_type(type)) || type_is_rowtype(type))
		return CONVERT_STRUCTURE;
	return CONVERT_TEXT;
}

void
celeriac_convert_init(Parameter *param, MemoryContext context)
{
	Oid			input;

	param->is_domain = (getBaseType(param->type) != param->type);
	param->conversion = choose_conversion(param->type);
	getTypeInputInfo(param->type, &input, &param->ioparam);
	fmgr_info_cxt(input, &param->input, context);
}

void
celeriac_convert_free(Parameter *param)
{
	if (param->convert != NULL)
		SPI_freeplan(param->convert);
}

static char *
value_text(JsonbValue *value)
{
	Jsonb	   *json;

	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			json = JsonbValueToJsonb(value);
			return JsonbToCString(NULL, &json->root, VARSIZE(json));
	}
}

static Datum
json_datum(JsonbValue *value, Oid type)
{
	Jsonb	   *json = JsonbValueToJsonb(value);

	if (type == JSONBOID)
		return JsonbPGetDatum(json);
	return CStringGetTextDatum(JsonbToCString(NULL, &json->root, VARSIZE(json)));
}

/*
 * Arrays of json and jsonb: one dimension whose elements are what they are.
 * (The general conversion would take nested arrays for further dimensions.)
 */
static Datum
json_array(JsonbValue *value, Oid element)
{
	Jsonb	   *json = JsonbValueToJsonb(value);
	JsonbIterator *it = JsonbIteratorInit(&json->root);
	ArrayBuildState *state = initArrayResult(element, CurrentMemoryContext, false);
	JsonbValue	item;

	JsonbIteratorNext(&it, &item, true);
	while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
	{
		bool		null = (item.type == jbvNull);

		state = accumArrayResult(state, null ? (Datum) 0 : json_datum(&item, element),
								 null, element, CurrentMemoryContext);
	}
	return makeArrayResult(state, CurrentMemoryContext);
}

Datum
celeriac_first_value(int code, bool *isnull)
{
	if (code != SPI_OK_SELECT || SPI_tuptable == NULL)
		elog(ERROR, "could not call task function: %s", SPI_result_code_string(code));
	*isnull = true;
	if (SPI_processed == 0)
		return (Datum) 0;
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
}

static void
prepare_conversion(Parameter *param)
{
	char	   *sql = psprintf("SELECT x.p FROM pg_catalog.jsonb_to_record($1) AS x(p %s)",
							   format_type_be_qualified(param->type));
	Oid			type = JSONBOID;

	param->convert = SPI_prepare_cursor(sql, 1, &type, CURSOR_OPT_GENERIC_PLAN);
	if (param->convert == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	SPI_keepplan(param->convert);
}

static Datum
convert_by_record(Parameter *param, JsonbValue *value, bool *isnull)
{
	JsonbParseState *state = NULL;
	JsonbValue	key = {.type = jbvString, .val.string = {1, "p"}};
	Datum		record;

	if (param->convert == NULL)
		prepare_conversion(param);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, value);
	record = JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	return celeriac_first_value(SPI_execute_plan(param->convert, &record, NULL, false, 0), isnull);
}

static bool
is_container(const JsonbValue *value)
{
	return value->type == jbvArray || value->type == jbvObject ||
		value->type == jbvBinary;
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvArray ||
		(value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data));
}

Datum
celeriac_convert(Parameter *param, JsonbValue *value, bool *isnull)
{
	*isnull = (value->type == jbvNull);
	if (*isnull)
	{
		/* a domain may refuse it */
		if (param->is_domain)
			InputFunctionCall(&param->input, NULL, param->ioparam, -1);
		return (Datum) 0;
	}
	if (param->conversion == CONVERT_JSON)
		return json_datum(value, param->type);
	if (param->conversion == CONVERT_JSON_ARRAY && is_array(value))
		return json_array(value, get_element_type(param->type));
	if (param->conversion == CONVERT_JSON_DOMAIN ||
		(param->conversion == CONVERT_STRUCTURE && is_container(value)))
		return convert_by_record(param, value, isnull);
	return InputFunctionCall(&param->input, value_text(value), param->ioparam, -1);
}
