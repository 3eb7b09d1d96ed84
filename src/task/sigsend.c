/*
 * sigsend.c
 *		task_send of a signature.
 *
 * The arguments that task_send has besides become options of the signature:
 * whatever it says itself gives way to them, as in Celery's apply_async.
 */
#include "base/names.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/json.h"
#include "base/uuid.h"
#include "canvas/advance.h"
#include "canvas/graph.h"
#include "session/current.h"
#include "session/identity.h"
#include "session/role.h"
#include "signature/accept.h"
#include "signature/calloption.h"
#include "signature/prepare.h"
#include "signature/tree.h"
#include "task/send.h"

PG_FUNCTION_INFO_V1(task_send_signature);

/*
 * The arguments by their kinds
 */
/* as timestamptz_in reads it, whatever DateStyle is */
static char *
time_text(TimestampTz when, const char *key)
{
	celeriac_require_finite(when, key);
	return pstrdup(timestamptz_to_str(when));
}

static void
put_text(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_text(options, key, TextDatumGetCString(value));
}

static void
put_integer(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_number(options, key, DatumGetInt32(value));
}

static void
put_boolean(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_bool(options, key, DatumGetBool(value));
}

static void
put_interval(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_number(options, key,
							celeriac_interval_seconds(DatumGetIntervalP(value)));
}

static void
put_time(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_text(options, key, time_text(DatumGetTimestampTz(value), key));
}

static void
put_object(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_jsonb(options, key, DatumGetJsonbP(value));
}

static void
put_signatures(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_callbacks_require(DatumGetArrayTypeP(value));
	celeriac_options_array(options, key, DatumGetArrayTypeP(value));
}

static void
put_id(OptionsBuilder *options, const char *key, Datum value)
{
	celeriac_options_text(options, key, celeriac_uuid_text(DatumGetUUIDP(value)));
}

#define GIVEN(name, kind, definition, unset, send, signature) \
	CELERIAC_SENT_##send({ARG_##name, #name, put_##kind},)

static const struct
{
	int			number;
	const char *key;
	void		(*put) (OptionsBuilder *options, const char *key, Datum value);
}			call_options[] =
{
	CELERIAC_TASK_OPTIONS(GIVEN)
	{ARG_id, "task_id", put_id}
};

static Jsonb *
read_options(FunctionCallInfo fcinfo)
{
	OptionsBuilder options = {0};
	Jsonb	   *built;

	for (int i = 0; i < lengthof(call_options); i++)
	{
		int			number = call_options[i].number;

		if (!PG_ARGISNULL(number))
			call_options[i].put(&options, call_options[i].key, PG_GETARG_DATUM(number));
	}
	built = celeriac_options_done(&options);
	return built == NULL ? NULL : celeriac_call_options(built);
}

/* A canvas sent by a running task is its child. */
static Family
caller_family(Oid caller)
{
	const Delivery *current = celeriac_current_task;
	Family		family = {.sent_by = celeriac_role_name(caller)};

	if (current != NULL)
	{
		family.parent_id = &current->id;
		family.root_id = current->has_root ? &current->root_id : &current->id;
	}
	return family;
}

Datum
task_send_signature(PG_FUNCTION_ARGS)
{
	CelContext	context;
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Jsonb	   *args = PG_ARGISNULL(ARG_args) ? NULL : PG_GETARG_JSONB_P(ARG_args);
	Jsonb	   *kwargs = PG_ARGISNULL(ARG_kwargs) ? NULL : PG_GETARG_JSONB_P(ARG_kwargs);
	Canvas	   *canvas;
	Family		family;

	celeriac_require_not_null(fcinfo, ARG_sig, "sig");
	if (args != NULL)
		celeriac_require_array(args, "args");
	if (kwargs != NULL)
		celeriac_require_object(kwargs, "kwargs");
	celeriac_send_require_times(fcinfo, GetCurrentTimestamp());
	celeriac_enter(&context, fcinfo);
	canvas = celeriac_canvas_prepare(celeriac_canvas_parse(PG_GETARG_JSONB_P(ARG_sig)),
									 args, kwargs, read_options(fcinfo));
	family = caller_family(context.caller);
	celeriac_advance_complete(celeriac_graph_send(canvas, &family, id));
	celeriac_leave(&context);
	PG_RETURN_UUID_P(id);
}
