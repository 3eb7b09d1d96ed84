/*
 * signature.c
 *		The type task_signature and what makes one: task_s, task_si.
 *
 * It is stored as jsonb is; its input functions are those of jsonb with a
 * check of the whole tree (accept.c).
 */
#include "signature/signature.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/check.h"
#include "base/json.h"
#include "base/variadic.h"
#include "signature/accept.h"

PG_FUNCTION_INFO_V1(task_signature_in);
PG_FUNCTION_INFO_V1(task_signature_out);
PG_FUNCTION_INFO_V1(task_signature_recv);
PG_FUNCTION_INFO_V1(task_signature_send);
PG_FUNCTION_INFO_V1(celeriac_signature_check);
PG_FUNCTION_INFO_V1(task_s);
PG_FUNCTION_INFO_V1(task_si);

void
celeriac_signature_require(Jsonb *document)
{
	(void) celeriac_canvas_parse(document);
}

Datum
task_signature_in(PG_FUNCTION_ARGS)
{
	Datum		document = DirectFunctionCall1(jsonb_in, PG_GETARG_DATUM(0));

	celeriac_signature_require(DatumGetJsonbP(document));
	return document;
}

Datum
task_signature_out(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(jsonb_out, PG_GETARG_DATUM(0));
}

Datum
task_signature_recv(PG_FUNCTION_ARGS)
{
	Datum		document = DirectFunctionCall1(jsonb_recv, PG_GETARG_DATUM(0));

	celeriac_signature_require(DatumGetJsonbP(document));
	return document;
}

Datum
task_signature_send(PG_FUNCTION_ARGS)
{
	return DirectFunctionCall1(jsonb_send, PG_GETARG_DATUM(0));
}

Datum
celeriac_signature_check(PG_FUNCTION_ARGS)
{
	celeriac_signature_require(PG_GETARG_JSONB_P(0));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

static Jsonb *
make_signature(FunctionCallInfo fcinfo, bool immutable)
{
	OptionsBuilder parts_of = {0};
	Jsonb	   *args = PG_NARGS() > 1 ? celeriac_variadic_args(fcinfo, 1) :
		celeriac_empty_array();
	Jsonb	   *signature;

	celeriac_require_not_null(fcinfo, 0, "name");
	celeriac_options_text(&parts_of, "task", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	celeriac_options_jsonb(&parts_of, "args", args);
	celeriac_options_jsonb(&parts_of, "kwargs", celeriac_empty_object());
	celeriac_options_jsonb(&parts_of, "options", celeriac_empty_object());
	celeriac_options_null(&parts_of, "subtask_type");
	celeriac_options_bool(&parts_of, "immutable", immutable);
	signature = celeriac_options_done(&parts_of);
	celeriac_signature_require(signature);
	return signature;
}

Datum
task_s(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(make_signature(fcinfo, false));
}

Datum
task_si(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(make_signature(fcinfo, true));
}
