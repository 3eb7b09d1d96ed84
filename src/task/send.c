/*
 * send.c
 *		task_send, task_delay, task_send_many.
 *
 * A send inserts a row in the caller's transaction.  The definition and the
 * queue come from this backend's caches, and the row goes to the current
 * segment without SQL (store.c).
 */
#include "task/send.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "canvas/callback.h"
#include "session/identity.h"
#include "base/compat.h"
#include "session/definition.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/relation.h"
#include "call/sqltask.h"
#include "base/state.h"
#include "rows/store.h"
#include "base/uuid.h"

PG_FUNCTION_INFO_V1(task_send);
PG_FUNCTION_INFO_V1(task_send_many);
PG_FUNCTION_INFO_V1(task_delay);

/* parameters of task_send and task_send_many, in SQL's order */
enum
{
	ARG_NAME,
	ARG_ARGS,
	ARG_KWARGS,
	ARG_QUEUE,
	ARG_PRIORITY,
	ARG_COUNTDOWN,
	ARG_ETA,
	ARG_EXPIRES,
	ARG_MAX_RETRIES,
	ARG_SOFT_TIME_LIMIT,
	ARG_TIME_LIMIT,
	ARG_IGNORE_RESULT,
	ARG_LINK,
	ARG_LINK_ERROR,
	ARG_HEADERS,
	ARG_SHADOW,
	ARG_ID
};

static int64
next_ready(void)
{
	return nextval_internal(CelCat.ready_seq, false);
}

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

	if (PG_ARGISNULL(ARG_HEADERS))
		return NULL;
	headers = PG_GETARG_JSONB_P(ARG_HEADERS);
	celeriac_require_object(headers, "headers");
	return headers;
}

static void
push_limits(OptionsBuilder *options, FunctionCallInfo fcinfo,
			const Definition *def)
{
	double		soft = get_limit(fcinfo, ARG_SOFT_TIME_LIMIT, "soft_time_limit");
	double		hard = get_limit(fcinfo, ARG_TIME_LIMIT, "time_limit");
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
	bool		ignore_result = PG_ARGISNULL(ARG_IGNORE_RESULT) ?
		def->ignore_result : PG_GETARG_BOOL(ARG_IGNORE_RESULT);

	push_limits(&options, fcinfo, def);
	if (ignore_result)
		celeriac_options_bool(&options, "ignore_result", true);
	if (!def->acks_late)
		celeriac_options_bool(&options, "acks_late", false);
	if (!PG_ARGISNULL(ARG_LINK))
		celeriac_callbacks_require(PG_GETARG_ARRAYTYPE_P(ARG_LINK));
	if (!PG_ARGISNULL(ARG_LINK_ERROR))
		celeriac_callbacks_require(PG_GETARG_ARRAYTYPE_P(ARG_LINK_ERROR));
	if (!PG_ARGISNULL(ARG_LINK))
		celeriac_options_array(&options, "link", PG_GETARG_ARRAYTYPE_P(ARG_LINK));
	if (!PG_ARGISNULL(ARG_LINK_ERROR))
		celeriac_options_array(&options, "link_error",
							   PG_GETARG_ARRAYTYPE_P(ARG_LINK_ERROR));
	if (headers != NULL)
		celeriac_options_jsonb(&options, "headers", headers);
	if (!PG_ARGISNULL(ARG_SHADOW))
		celeriac_options_text(&options, "shadow",
							  text_to_cstring(PG_GETARG_TEXT_PP(ARG_SHADOW)));
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
	if (PG_ARGISNULL(ARG_QUEUE))
		queue = pstrdup(celeriac_definition_queue(def));
	else
		queue = text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUEUE));
	celeriac_require_queue_name(queue);
	return queue;
}

static TimestampTz
get_eta(FunctionCallInfo fcinfo)
{
	double		seconds;

	if (!PG_ARGISNULL(ARG_ETA) && !PG_ARGISNULL(ARG_COUNTDOWN))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown and eta exclude each other")));
	if (!PG_ARGISNULL(ARG_ETA))
		return PG_GETARG_TIMESTAMPTZ(ARG_ETA);
	if (PG_ARGISNULL(ARG_COUNTDOWN))
		return 0;
	seconds = celeriac_interval_seconds(PG_GETARG_INTERVAL_P(ARG_COUNTDOWN));
	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown must not be negative")));
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(GetCurrentTimestamp()),
												   PG_GETARG_DATUM(ARG_COUNTDOWN)));
}

static TimestampTz
get_expires(FunctionCallInfo fcinfo, const Definition *def, TimestampTz now)
{
	TimestampTz expires;

	if (PG_ARGISNULL(ARG_EXPIRES))
		return def->expires > 0 ? celeriac_time_after(def->expires) : 0;
	expires = PG_GETARG_TIMESTAMPTZ(ARG_EXPIRES);
	if (expires <= now)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("expires is in the past"),
				 errdetail("The task would never run.")));
	return expires;
}

static int
get_priority(FunctionCallInfo fcinfo, const Definition *def)
{
	if (PG_ARGISNULL(ARG_PRIORITY))
		return def->priority;
	celeriac_require_priority(PG_GETARG_INT32(ARG_PRIORITY));
	return PG_GETARG_INT32(ARG_PRIORITY);
}

static int
get_max_retries(FunctionCallInfo fcinfo, const Definition *def)
{
	int			max_retries;

	if (PG_ARGISNULL(ARG_MAX_RETRIES))
		return def->max_retries;
	max_retries = PG_GETARG_INT32(ARG_MAX_RETRIES);
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

	if (PG_ARGISNULL(ARG_KWARGS))
		return celeriac_empty_object();
	kwargs = PG_GETARG_JSONB_P(ARG_KWARGS);
	celeriac_require_object(kwargs, "kwargs");
	return kwargs;
}

static const char *
get_name(FunctionCallInfo fcinfo)
{
	const char *name;

	if (PG_ARGISNULL(ARG_NAME))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("name must not be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_NAME));
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
	TimestampTz now = GetCurrentTimestamp();

	request->name = get_name(fcinfo);
	def = celeriac_definition(request->name);
	request->kwargs = get_kwargs(fcinfo);
	request->queue = get_queue(fcinfo, def);
	request->priority = get_priority(fcinfo, def);
	request->eta = get_eta(fcinfo);
	request->expires = get_expires(fcinfo, def, now);
	request->max_retries = get_max_retries(fcinfo, def);
	request->options = build_options(fcinfo, def);
	request->sent_by = sender;
	set_family(request);
	return def;
}

/*
 * The message as a row
 */
typedef struct MessageRow
{
	Datum		values[Anum_message_options];
	bool		nulls[Anum_message_options];
} MessageRow;

static void
set_column(MessageRow *row, int number, Datum value, bool isnull)
{
	row->values[number - 1] = value;
	row->nulls[number - 1] = isnull;
}

static void
set_uuid(MessageRow *row, int number, const pg_uuid_t *id)
{
	set_column(row, number, UUIDPGetDatum(id), id == NULL);
}

static void
set_time(MessageRow *row, int number, TimestampTz when)
{
	set_column(row, number, TimestampTzGetDatum(when), when == 0);
}

/* All but id, args and ready, in which the messages of one call differ. */
static void
form_message(MessageRow *row, const SendRequest *r)
{
	memset(row->nulls, true, sizeof(row->nulls));
	set_column(row, Anum_message_name, CStringGetTextDatum(r->name), false);
	set_column(row, Anum_message_kwargs, JsonbPGetDatum(r->kwargs), false);
	set_column(row, Anum_message_queue, CStringGetTextDatum(r->queue), false);
	set_column(row, Anum_message_priority, Int16GetDatum(r->priority), false);
	set_column(row, Anum_message_state,
			   CStringGetTextDatum(celeriac_state_name(STATE_PENDING)), false);
	set_time(row, Anum_message_eta, r->eta);
	set_time(row, Anum_message_expires, r->expires);
	set_column(row, Anum_message_retries, Int32GetDatum(0), false);
	set_column(row, Anum_message_max_retries, Int32GetDatum(r->max_retries),
			   r->max_retries < 0);
	set_column(row, Anum_message_deliveries, Int32GetDatum(r->deliveries), false);
	set_column(row, Anum_message_waiting, Int32GetDatum(r->waiting), false);
	set_uuid(row, Anum_message_root_id, r->root_id);
	set_uuid(row, Anum_message_parent_id, r->parent_id);
	set_uuid(row, Anum_message_group_id, r->group_id);
	set_column(row, Anum_message_sent_by, CStringGetTextDatum(r->sent_by), false);
	set_time(row, Anum_message_sent_at, GetCurrentTimestamp());
	set_column(row, Anum_message_options, JsonbPGetDatum(r->options), r->options == NULL);
}

static bool
ready_now(const SendRequest *request)
{
	return request->waiting == 0 &&
		(request->eta == 0 || request->eta <= GetCurrentTimestamp());
}

static void
duplicate_id(const pg_uuid_t *id)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_DUPLICATE_TASK),
			 errmsg("task id %s is already in use", celeriac_uuid_text(id)),
			 errhint("Leave id out to have a new one made.")));
}

static uint64
insert_by_statement(CelStatement statement, const MessageRow *row)
{
	Datum		values[Anum_message_options];
	char		nulls[Anum_message_options];

	memcpy(values, row->values, sizeof(values));
	for (int i = 0; i < Anum_message_options; i++)
		nulls[i] = row->nulls[i] ? 'n' : ' ';
	return celeriac_exec(statement, values, nulls);
}

/*
 * An id that a user gave goes to segment 0, whose primary key decides between
 * two who give the same.  Whoever has inserted it looks for it everywhere else,
 * with a snapshot taken after that.
 */
static void
insert_given(const MessageRow *row)
{
	Datum		id = row->values[Anum_message_id - 1];

	if (insert_by_statement(STMT_SEND_WITH_ID, row) == 0 ||
		celeriac_exec(STMT_ID_TAKEN, &id, NULL) > 0)
		duplicate_id(DatumGetUUIDP(id));
}

static void
insert_row(Store *store, const MessageRow *row)
{
	if (store != NULL)
		celeriac_store_put(store, row->values, row->nulls);
	else
		insert_by_statement(STMT_SEND, row);
}

static void
close_store(Store *store)
{
	if (store != NULL)
		celeriac_store_close(store);
}

static bool
is_given(const SendRequest *request)
{
	return request->id != NULL && !request->id_is_new;
}

static void
complete_row(MessageRow *row, const SendRequest *request, pg_uuid_t *id)
{
	bool		now = ready_now(request);

	if (request->id != NULL)
		*id = *request->id;
	else
		celeriac_uuid(id);
	form_message(row, request);
	set_uuid(row, Anum_message_id, id);
	set_column(row, Anum_message_args, JsonbPGetDatum(request->args), false);
	set_column(row, Anum_message_ready, Int64GetDatum(now ? next_ready() : 0), !now);
}

/* What is due so much later would only have to be moved. */
#define PARK_MS		60000

typedef enum Destination
{
	TO_CURRENT,					/* the current segment */
	TO_PARKED,					/* segment 0 */
	TO_GIVEN_ID,				/* segment 0, by SQL */
	DESTINATIONS
} Destination;

/* Asked more than once of a request, so the time is fixed. */
static Destination
destination(const SendRequest *request, TimestampTz now)
{
	if (is_given(request))
		return TO_GIVEN_ID;
	if (request->eta != 0 &&
		request->eta > TimestampTzPlusMilliseconds(now, PARK_MS))
		return TO_PARKED;
	return TO_CURRENT;
}

static Store *
open_destination(Destination where)
{
	switch (where)
	{
		case TO_CURRENT:
			return celeriac_store_messages();
		case TO_PARKED:
			return celeriac_store_parked_messages();
		default:
			return NULL;
	}
}

/* No SQL is run while the table is open, unless it has to be by SQL. */
static void
send_to(Destination where, const SendRequest *requests, int count,
		TimestampTz now, pg_uuid_t *ids)
{
	MessageRow	row;
	Store	   *store = NULL;
	bool		opened = false;

	for (int i = 0; i < count; i++)
	{
		if (destination(&requests[i], now) != where)
			continue;
		if (!opened)
			store = open_destination(where);
		opened = true;
		complete_row(&row, &requests[i], &ids[i]);
		if (where == TO_GIVEN_ID)
			insert_given(&row);
		else
			insert_row(store, &row);
	}
	close_store(store);
}

void
celeriac_send_batch(const SendRequest *requests, int count, pg_uuid_t *ids)
{
	TimestampTz now = GetCurrentTimestamp();

	for (int i = 0; i < count; i++)
		celeriac_queue_ensure(requests[i].queue);
	for (int where = 0; where < DESTINATIONS; where++)
		send_to(where, requests, count, now, ids);
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
	request.args = PG_ARGISNULL(ARG_ARGS) ? celeriac_empty_array() :
		PG_GETARG_JSONB_P(ARG_ARGS);
	celeriac_require_array(request.args, "args");
	if (!PG_ARGISNULL(ARG_ID))
		request.id = PG_GETARG_UUID_P(ARG_ID);
	celeriac_sqltask_check_arguments(function, request.args, request.kwargs);
	celeriac_send_batch(&request, 1, id);
	celeriac_leave(&context);
	PG_RETURN_UUID_P(id);
}

/*
 * Many that differ in their arguments only
 */
typedef struct ManySends
{
	int			count;
	pg_uuid_t  *ids;
	Datum	   *args;
} ManySends;

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

static void
send_many(const SendRequest *request, ManySends *many)
{
	bool		now = ready_now(request);
	MessageRow	row;
	Store	   *store;

	if (many->count == 0)
		return;
	celeriac_queue_ensure(request->queue);
	form_message(&row, request);
	store = open_destination(destination(request, GetCurrentTimestamp()));
	for (int i = 0; i < many->count; i++)
	{
		set_uuid(&row, Anum_message_id, &many->ids[i]);
		set_column(&row, Anum_message_args, many->args[i], false);
		set_column(&row, Anum_message_ready, Int64GetDatum(now ? next_ready() : 0), !now);
		insert_row(store, &row);
		CHECK_FOR_INTERRUPTS();
	}
	close_store(store);
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
	if (!PG_ARGISNULL(ARG_ID))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("task_send_many makes its ids itself")));
	if (!PG_ARGISNULL(ARG_ARGS))
		prepare_many(&many, PG_GETARG_ARRAYTYPE_P(ARG_ARGS), function, request.kwargs);
	send_many(&request, &many);
	celeriac_leave(&context);
	for (int i = 0; i < many.count; i++)
	{
		Datum		id = UUIDPGetDatum(&many.ids[i]);
		bool		isnull = false;

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
	}
	PG_RETURN_NULL();
}

/* jsonb_build_array over arguments of any type, as if called by SQL. */
static Jsonb *
build_array(int count, Datum *values, Oid *types, bool *nulls)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	FmgrInfo	flinfo;
	List	   *exprs = NIL;

	if (count == 0)
		return celeriac_empty_array();
	for (int i = 0; i < count; i++)
		exprs = lappend(exprs, makeNullConst(types[i], -1, InvalidOid));
	fmgr_info(F_JSONB_BUILD_ARRAY_ANY, &flinfo);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_JSONB_BUILD_ARRAY_ANY, JSONBOID, exprs,
											 InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL), &flinfo);
	InitFunctionCallInfoData(*call, &flinfo, count, InvalidOid, NULL, NULL);
	for (int i = 0; i < count; i++)
	{
		call->args[i].value = values[i];
		call->args[i].isnull = nulls[i];
	}
	return DatumGetJsonbP(FunctionCallInvoke(call));
}

Jsonb *
celeriac_variadic_args(FunctionCallInfo fcinfo, int first)
{
	Datum	   *values;
	Oid		   *types;
	bool	   *nulls;
	int			count;

	count = extract_variadic_args(fcinfo, first, true, &values, &types, &nulls);
	if (count < 0)
		return celeriac_empty_array();
	if (count > FUNC_MAX_ARGS)
		ereport(ERROR,
				(errcode(ERRCODE_TOO_MANY_ARGUMENTS),
				 errmsg("cannot pass more than %d arguments", FUNC_MAX_ARGS),
				 errhint("Pass them as one JSON array to task_send.")));
	return build_array(count, values, types, nulls);
}

Datum
task_delay(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, ARG_ID + 1);
	Jsonb	   *args = PG_NARGS() > 1 ? celeriac_variadic_args(fcinfo, 1) :
		celeriac_empty_array();

	InitFunctionCallInfoData(*call, fcinfo->flinfo, ARG_ID + 1, InvalidOid, NULL, NULL);
	for (int i = 0; i <= ARG_ID; i++)
		call->args[i].isnull = true;
	call->args[ARG_NAME] = fcinfo->args[0];
	call->args[ARG_ARGS].value = JsonbPGetDatum(args);
	call->args[ARG_ARGS].isnull = false;
	return task_send(call);
}
