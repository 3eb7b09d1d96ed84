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
#include "base/errors.h"
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

PG_FUNCTION_INFO_V1(task_send_signature);

/* parameters, in SQL's order */
enum
{
	ARG_SIG, ARG_ARGS, ARG_KWARGS, ARG_QUEUE, ARG_PRIORITY, ARG_COUNTDOWN, ARG_ETA,
	ARG_EXPIRES, ARG_MAX_RETRIES, ARG_SOFT_TIME_LIMIT, ARG_TIME_LIMIT,
	ARG_IGNORE_RESULT, ARG_LINK, ARG_LINK_ERROR, ARG_HEADERS, ARG_SHADOW, ARG_ID
};

typedef enum OptionKind
{
	OPTION_TEXT,
	OPTION_INTEGER,
	OPTION_SECONDS,
	OPTION_TIME,
	OPTION_BOOL,
	OPTION_SIGNATURES,
	OPTION_OBJECT,
	OPTION_UUID
} OptionKind;

static const struct
{
	int			number;
	const char *key;
	OptionKind	kind;
}			call_options[] =
{
	{
		ARG_QUEUE, "queue", OPTION_TEXT
	},
	{
		ARG_PRIORITY, "priority", OPTION_INTEGER
	},
	{
		ARG_COUNTDOWN, "countdown", OPTION_SECONDS
	},
	{
		ARG_ETA, "eta", OPTION_TIME
	},
	{
		ARG_EXPIRES, "expires", OPTION_TIME
	},
	{
		ARG_MAX_RETRIES, "max_retries", OPTION_INTEGER
	},
	{
		ARG_SOFT_TIME_LIMIT, "soft_time_limit", OPTION_SECONDS
	},
	{
		ARG_TIME_LIMIT, "time_limit", OPTION_SECONDS
	},
	{
		ARG_IGNORE_RESULT, "ignore_result", OPTION_BOOL
	},
	{
		ARG_LINK, "link", OPTION_SIGNATURES
	},
	{
		ARG_LINK_ERROR, "link_error", OPTION_SIGNATURES
	},
	{
		ARG_HEADERS, "headers", OPTION_OBJECT
	},
	{
		ARG_SHADOW, "shadow", OPTION_TEXT
	},
	{
		ARG_ID, "task_id", OPTION_UUID
	}
};

/* as timestamptz_in reads it, whatever DateStyle is */
static char *
time_text(TimestampTz when, const char *key)
{
	celeriac_require_finite(when, key);
	return pstrdup(timestamptz_to_str(when));
}

static void
put_option(OptionsBuilder *options, const char *key, OptionKind kind, Datum value)
{
	switch (kind)
	{
		case OPTION_TEXT:
			celeriac_options_text(options, key, TextDatumGetCString(value));
			break;
		case OPTION_INTEGER:
			celeriac_options_number(options, key, DatumGetInt32(value));
			break;
		case OPTION_SECONDS:
			celeriac_options_number(options, key,
									celeriac_interval_seconds(DatumGetIntervalP(value)));
			break;
		case OPTION_TIME:
			celeriac_options_text(options, key,
								  time_text(DatumGetTimestampTz(value), key));
			break;
		case OPTION_BOOL:
			celeriac_options_bool(options, key, DatumGetBool(value));
			break;
		case OPTION_SIGNATURES:
			celeriac_callbacks_require(DatumGetArrayTypeP(value));
			celeriac_options_array(options, key, DatumGetArrayTypeP(value));
			break;
		case OPTION_OBJECT:
			celeriac_options_jsonb(options, key, DatumGetJsonbP(value));
			break;
		case OPTION_UUID:
			celeriac_options_text(options, key, celeriac_uuid_text(DatumGetUUIDP(value)));
			break;
	}
}

static Jsonb *
read_options(FunctionCallInfo fcinfo)
{
	OptionsBuilder options = {0};
	Jsonb	   *built;

	for (int i = 0; i < lengthof(call_options); i++)
	{
		int			number = call_options[i].number;

		if (!PG_ARGISNULL(number))
			put_option(&options, call_options[i].key, call_options[i].kind,
					   PG_GETARG_DATUM(number));
	}
	built = celeriac_options_done(&options);
	return built == NULL ? NULL : celeriac_call_options(built);
}

static void
require_sensible_times(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(ARG_ETA) && !PG_ARGISNULL(ARG_COUNTDOWN))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown and eta exclude each other")));
	if (!PG_ARGISNULL(ARG_EXPIRES) &&
		PG_GETARG_TIMESTAMPTZ(ARG_EXPIRES) <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("expires is in the past"),
				 errdetail("The task would never run.")));
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
	Jsonb	   *args = PG_ARGISNULL(ARG_ARGS) ? NULL : PG_GETARG_JSONB_P(ARG_ARGS);
	Jsonb	   *kwargs = PG_ARGISNULL(ARG_KWARGS) ? NULL : PG_GETARG_JSONB_P(ARG_KWARGS);
	Canvas	   *canvas;
	Family		family;

	celeriac_require_not_null(fcinfo, ARG_SIG, "sig");
	if (args != NULL)
		celeriac_require_array(args, "args");
	if (kwargs != NULL)
		celeriac_require_object(kwargs, "kwargs");
	require_sensible_times(fcinfo);
	celeriac_enter(&context, fcinfo);
	canvas = celeriac_canvas_prepare(celeriac_canvas_parse(PG_GETARG_JSONB_P(ARG_SIG)),
									 args, kwargs, read_options(fcinfo));
	family = caller_family(context.caller);
	celeriac_advance_complete(celeriac_graph_send(canvas, &family, id));
	celeriac_leave(&context);
	PG_RETURN_UUID_P(id);
}
