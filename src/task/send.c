/*
 * send.c
 *		task_send, task_delay, task_send_many.
 *
 * A send inserts a row in the caller's transaction.  The definition and the
 * queue come from this backend's caches, and the row goes to the current
 * segment without SQL (store.c).
 */
#include "task/send.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/compat.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/uuid.h"
#include "base/variadic.h"
#include "call/binding.h"
#include "rows/post.h"
#include "session/current.h"
#include "session/definition.h"
#include "session/identity.h"
#include "session/role.h"
#include "signature/accept.h"

PG_FUNCTION_INFO_V1(task_send);
PG_FUNCTION_INFO_V1(task_send_many);
PG_FUNCTION_INFO_V1(task_delay);

/*
 * Options that are rare enough to share one column
 */
static double
get_limit(FunctionCallInfo fcinfo, int number, const char *name)
{
	double		seconds;

	if (PG_ARGISNULL(number))
		return 0;
	seconds = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(number));
	if (seconds <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("%s must be greater than zero", name)));
	return seconds;
}

static Jsonb *
get_headers(FunctionCallInfo fcinfo)
{
	Jsonb	   *headers;

	if (PG_ARGISNULL(ARG_headers))
		return NULL;
	headers = PG_GETARG_JSONB_P(ARG_headers);
	celeriac_require_object(headers, "headers");
	return headers;
}

static void
push_limits(OptionsBuilder *options, FunctionCallInfo fcinfo,
			const Definition *def)
{
	double		soft = get_limit(fcinfo, ARG_soft_time_limit, "soft_time_limit");
	double		hard = get_limit(fcinfo, ARG_time_limit, "time_limit");
	double		effective_soft = soft > 0 ? soft : def->soft_time_limit;
	double		effective_hard = hard > 0 ? hard : def->time_limit;

	if (effective_soft > 0 && effective_hard > 0 && effective_soft > effective_hard)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("soft_time_limit must not be greater than time_limit")));
	if (soft > 0)
		celeriac_options_number(options, "soft_time_limit", soft);
	if (hard > 0)
		celeriac_options_number(options, "time_limit", hard);
}

static Jsonb *
build_options(FunctionCallInfo fcinfo, const Definition *def)
{
	OptionsBuilder options = {0};
	Jsonb	   *headers = get_headers(fcinfo);
	bool		ignore_result = PG_ARGISNULL(ARG_ignore_result) ?
		def->ignore_result : PG_GETARG_BOOL(ARG_ignore_result);

	push_limits(&options, fcinfo, def);
	if (ignore_result)
		celeriac_options_bool(&options, "ignore_result", true);
	if (!def->acks_late)
		celeriac_options_bool(&options, "acks_late", false);
	if (!PG_ARGISNULL(ARG_link))
		celeriac_callbacks_require(PG_GETARG_ARRAYTYPE_P(ARG_link));
	if (!PG_ARGISNULL(ARG_link_error))
		celeriac_callbacks_require(PG_GETARG_ARRAYTYPE_P(ARG_link_error));
	if (!PG_ARGISNULL(ARG_link))
		celeriac_options_array(&options, "link", PG_GETARG_ARRAYTYPE_P(ARG_link));
	if (!PG_ARGISNULL(ARG_link_error))
		celeriac_options_array(&options, "link_error",
							   PG_GETARG_ARRAYTYPE_P(ARG_link_error));
	if (headers != NULL)
		celeriac_options_jsonb(&options, "headers", headers);
	if (!PG_ARGISNULL(ARG_shadow))
		celeriac_options_text(&options, "shadow",
							  text_to_cstring(PG_GETARG_TEXT_PP(ARG_shadow)));
	return celeriac_options_done(&options);
}

/*
 * Each of these reads one option, or takes the definition's
 */
static const char *
get_queue(FunctionCallInfo fcinfo, const Definition *def)
{
	const char *queue;

	/* a copy: the definition's may go with the cache before the send is done */
	if (PG_ARGISNULL(ARG_queue))
		queue = pstrdup(celeriac_definition_queue(def));
	else
		queue = text_to_cstring(PG_GETARG_TEXT_PP(ARG_queue));
	celeriac_require_queue_name(queue);
	return queue;
}

void
celeriac_send_require_times(FunctionCallInfo fcinfo, TimestampTz now)
{
	if (!PG_ARGISNULL(ARG_eta) && !PG_ARGISNULL(ARG_countdown))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown and eta exclude each other")));
	if (!PG_ARGISNULL(ARG_expires) && PG_GETARG_TIMESTAMPTZ(ARG_expires) <= now)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("expires is in the past"),
				 errdetail("The task would never run.")));
}

static TimestampTz
get_eta(FunctionCallInfo fcinfo)
{
	double		seconds;

	if (!PG_ARGISNULL(ARG_eta))
		return PG_GETARG_TIMESTAMPTZ(ARG_eta);
	if (PG_ARGISNULL(ARG_countdown))
		return 0;
	seconds = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(ARG_countdown));
	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown must not be negative")));
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PG_GETARG_DATUM(ARG_countdown)));
}

static TimestampTz
get_expires(FunctionCallInfo fcinfo, const Definition *def)
{
	if (PG_ARGISNULL(ARG_expires))
		return def->expires > 0 ? celeriac_time_after(def->expires) : 0;
	return PG_GETARG_TIMESTAMPTZ(ARG_expires);
}

static int
get_priority(FunctionCallInfo fcinfo, const Definition *def)
{
	if (PG_ARGISNULL(ARG_priority))
		return def->priority;
	celeriac_require_priority(PG_GETARG_INT32(ARG_priority));
	return PG_GETARG_INT32(ARG_priority);
}

static int
get_max_retries(FunctionCallInfo fcinfo, const Definition *def)
{
	int			max_retries;

	if (PG_ARGISNULL(ARG_max_retries))
		return def->max_retries;
	max_retries = PG_GETARG_INT32(ARG_max_retries);
	if (max_retries < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("max_retries must not be negative")));
	return max_retries;
}

static Jsonb *
get_kwargs(FunctionCallInfo fcinfo)
{
	Jsonb	   *kwargs;

	if (PG_ARGISNULL(ARG_kwargs))
		return celeriac_empty_object();
	kwargs = PG_GETARG_JSONB_P(ARG_kwargs);
	celeriac_require_object(kwargs, "kwargs");
	return kwargs;
}

static const char *
get_name(FunctionCallInfo fcinfo)
{
	const char *name;

	if (PG_ARGISNULL(ARG_name))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("name must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_name));
	celeriac_require_task_name(name);
	return name;
}

/* A task sent by a running task is its child. */
static void
set_family(SendRequest *request)
{
	const Delivery *current = celeriac_current_task;

	if (current == NULL)
		return;
	request->parent_id = &current->id;
	request->root_id = current->has_root ? &current->root_id : &current->id;
}

/* All but args, which differ between one and many. */
static const Definition *
read_request(FunctionCallInfo fcinfo, SendRequest *request, const char *sender)
{
	const Definition *def;

	request->name = get_name(fcinfo);
	def = celeriac_definition(request->name);
	request->kwargs = get_kwargs(fcinfo);
	request->queue = get_queue(fcinfo, def);
	request->priority = get_priority(fcinfo, def);
	celeriac_send_require_times(fcinfo, GetCurrentTimestamp());
	request->eta = get_eta(fcinfo);
	request->expires = get_expires(fcinfo, def);
	request->max_retries = get_max_retries(fcinfo, def);
	request->options = build_options(fcinfo, def);
	request->sent_by = sender;
	set_family(request);
	return def;
}

Datum
task_send(PG_FUNCTION_ARGS)
{
	CelContext	context;
	SendRequest request = {0};
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Oid			function;

	celeriac_enter(&context, fcinfo);
	/* any query may drop the definition from the cache: only this is kept */
	function = read_request(fcinfo, &request,
							celeriac_role_name(context.caller))->function;
	request.args = PG_ARGISNULL(ARG_args) ? celeriac_empty_array() :
		PG_GETARG_JSONB_P(ARG_args);
	celeriac_require_array(request.args, "args");
	if (!PG_ARGISNULL(ARG_id))
		request.id = PG_GETARG_UUID_P(ARG_id);
	celeriac_sqltask_check_arguments(function, request.args, request.kwargs);
	celeriac_send_batch(&request, 1, id);
	celeriac_leave(&context);
	PG_RETURN_UUID_P(id);
}

static void
prepare_many(ManySends *many, ArrayType *array, Oid function, Jsonb *kwargs)
{
	bool	   *nulls;

	deconstruct_array(array, JSONBOID, -1, false, TYPALIGN_INT,
					  &many->args, &nulls, &many->count);
	many->ids = palloc_extended(many->count * sizeof(pg_uuid_t) + 1, MCXT_ALLOC_HUGE);
	for (int i = 0; i < many->count; i++)
	{
		if (nulls[i])
			many->args[i] = JsonbPGetDatum(celeriac_empty_array());
		celeriac_require_array(DatumGetJsonbP(many->args[i]), "args");
		celeriac_sqltask_check_arguments(function, DatumGetJsonbP(many->args[i]), kwargs);
		celeriac_uuid(&many->ids[i]);
	}
}

Datum
task_send_many(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	SendRequest request = {0};
	ManySends	many = {0};
	Oid			function;

	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	function = read_request(fcinfo, &request,
							celeriac_role_name(context.caller))->function;
	if (!PG_ARGISNULL(ARG_id))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("task_send_many makes its ids itself")));
	if (!PG_ARGISNULL(ARG_args))
		prepare_many(&many, PG_GETARG_ARRAYTYPE_P(ARG_args), function, request.kwargs);
	celeriac_post_many(&request, &many);
	celeriac_leave(&context);
	for (int i = 0; i < many.count; i++)
	{
		Datum		id = UUIDPGetDatum(&many.ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
	}
	PG_RETURN_NULL();
}

Datum
task_delay(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, SEND_ARGUMENTS);
	Jsonb	   *args = PG_NARGS() > 1 ? celeriac_variadic_args(fcinfo, 1) :
		celeriac_empty_array();

	InitFunctionCallInfoData(*call, fcinfo->flinfo, SEND_ARGUMENTS, InvalidOid, NULL, NULL);
	for (int i = 0; i < SEND_ARGUMENTS; i++)
		call->args[i].isnull = true;
	call->args[ARG_name] = fcinfo->args[0];
	call->args[ARG_args].value = JsonbPGetDatum(args);
	call->args[ARG_args].isnull = false;
	return task_send(call);
}
