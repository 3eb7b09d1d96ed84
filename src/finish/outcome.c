/*
 * outcome.c
 *		Outcomes as workers report them: task_finish and the one-task forms.
 *
 * Whether they count, and what comes of them, is finish.c's to decide.
 */
#include "finish/outcome.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/check.h"
#include "base/compat.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/relation.h"
#include "base/row.h"
#include "base/state.h"
#include "finish/children.h"
#include "finish/finish.h"
#include "rows/remember.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "shmem/claim.h"
#include "shmem/shmem.h"

PG_FUNCTION_INFO_V1(task_finish);
PG_FUNCTION_INFO_V1(task_succeed);
PG_FUNCTION_INFO_V1(task_fail);
PG_FUNCTION_INFO_V1(task_retry);
PG_FUNCTION_INFO_V1(task_reject);

static OutcomeState
outcome_state(const char *name)
{
	OutcomeState state;

	if (name == NULL)
		name = "null";
	if (!celeriac_outcome_state(name, &state))
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("\"%s\" is not the state of an outcome", name),
				 errhint("One of SUCCESS, FAILURE, RETRY, REVOKED, REJECTED, IGNORED, PENDING (hand back), LOST, REPLACED.")));
	return state;
}

static double
optional_countdown(Datum value, bool isnull)
{
	double		seconds;

	if (isnull)
		return -1;
	seconds = celeriac_interval_seconds(DatumGetIntervalP(value));
	if (seconds < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("countdown must not be negative")));
	return seconds;
}

static void
read_outcome(HeapTupleHeader header, TupleDesc desc, Outcome *o)
{
	HeapTupleData tuple;
	Datum		values[OUTCOME_COLUMN_COUNT];
	bool		nulls[OUTCOME_COLUMN_COUNT];
	Row			row = {.values = values, .nulls = nulls};
	pg_uuid_t  *id;
	Datum		value;
	bool		isnull;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, desc, values, nulls);
	id = celeriac_row_uuid(&row, Anum_outcome_id);
	if (id == NULL || nulls[Anum_outcome_delivery - 1])
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("an outcome needs id and delivery")));
	memset(o, 0, sizeof(*o));
	o->id = *id;
	o->delivery = celeriac_row_int32(&row, Anum_outcome_delivery, 0);
	o->state = outcome_state(celeriac_row_text(&row, Anum_outcome_state));
	value = celeriac_row_datum(&row, Anum_outcome_result, &isnull);
	o->result = isnull ? NULL : DatumGetJsonbP(value);
	o->exc_type = celeriac_row_text(&row, Anum_outcome_exc_type);
	o->exc_message = celeriac_row_text(&row, Anum_outcome_exc_message);
	o->traceback = celeriac_row_text(&row, Anum_outcome_traceback);
	value = celeriac_row_datum(&row, Anum_outcome_countdown, &isnull);
	o->countdown = optional_countdown(value, isnull);
	o->started_at = celeriac_row_int64(&row, Anum_outcome_started_at, 0);
	celeriac_require_finite(o->started_at, "started_at");
}

static Outcome *
read_outcomes(ArrayType *array, int *count)
{
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(CelExt.outcome_type, -1);
	Outcome    *outcomes;
	Datum	   *items;
	bool	   *nulls;

	deconstruct_array(array, CelExt.outcome_type, -1, false, TYPALIGN_DOUBLE,
					  &items, &nulls, count);
	outcomes = palloc_extended((*count + 1) * sizeof(Outcome), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
					 errmsg("outcomes must be an array without nulls")));
		read_outcome(DatumGetHeapTupleHeader(items[i]), desc, &outcomes[i]);
	}
	return outcomes;
}

int
celeriac_outcomes_apply(const char *worker, Outcome *outcomes, int count)
{
	Parents    *parents = celeriac_children_parents(outcomes, count);
	int			accepted = celeriac_finish(worker, outcomes, count);

	celeriac_children_send(parents, outcomes, count);
	pfree(parents);
	return accepted;
}

/* One for each outcome, NULL for those that sent nothing. */
static void
read_sent(ArrayType *array, Outcome *outcomes, int count)
{
	Datum	   *items;
	bool	   *nulls;
	int			nitems;

	deconstruct_array(array, JSONBOID, -1, false, TYPALIGN_INT, &items, &nulls, &nitems);
	if (nitems != count)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("sent must have as many elements as outcomes")));
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			celeriac_children_read(&outcomes[i], DatumGetJsonbP(items[i]));
	}
}

/* task_finish(worker, outcomes), task_finish_sending(…, sent) → ids accepted */
Datum
task_finish(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	const char *worker;
	Outcome    *outcomes;
	int			count;

	celeriac_require_not_null(fcinfo, 0, "worker");
	celeriac_require_not_null(fcinfo, 1, "outcomes");
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	celeriac_require_worker_name(worker);
	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	outcomes = read_outcomes(PG_GETARG_ARRAYTYPE_P(1), &count);
	if (PG_NARGS() > 2 && !PG_ARGISNULL(2))
		read_sent(PG_GETARG_ARRAYTYPE_P(2), outcomes, count);
	if (count > 0)
		celeriac_outcomes_apply(worker, outcomes, count);
	celeriac_leave(&context);
	for (int i = 0; i < count; i++)
	{
		Datum		id = UUIDPGetDatum(&outcomes[i].id);
		bool		isnull = false;

		if (!outcomes[i].accepted)
			continue;
		celeriac_forget_delivery(&outcomes[i].id);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &id, &isnull);
	}
	PG_RETURN_NULL();
}

/*
 * The one-task forms: the fence is what this session was given for the task;
 * behind a pooler that may be nothing, then it is the lease there is; but not
 * when it was a session claim, which it holds no more.
 */
static const char *
current_lease(const pg_uuid_t *id, int *delivery)
{
	Datum		value = UUIDPGetDatum(id);
	Datum		param = celeriac_uuid_array(&value, 1);
	bool		isnull;
	HeapTuple	row;

	if (celeriac_exec(STMT_READ_LEASED, &param, NULL) == 0)
		return NULL;
	row = SPI_tuptable->vals[0];
	*delivery = DatumGetInt32(SPI_getbinval(row, SPI_tuptable->tupdesc, Anum_message_deliveries,
											&isnull));
	value = SPI_getbinval(row, SPI_tuptable->tupdesc, Anum_message_worker, &isnull);
	return isnull ? NULL : TextDatumGetCString(value);
}

/* What this session still holds, whatever it has forgotten. */
static const char *
own_claim(const pg_uuid_t *id, int *delivery)
{
	Claim		claim;

	if (!celeriac_claim_get(id, &claim) || claim.kind != CLAIM_SESSION ||
		claim.session != CELERIAC_MY_SLOT || claim.worker < 0)
		return NULL;
	*delivery = claim.delivery;
	return CelShmem->workers[claim.worker].name;
}

/* By whom and for which delivery; NULL = not this session's to finish. */
static const char *
finisher(Outcome *outcome)
{
	const char *worker = own_claim(&outcome->id, &outcome->delivery);

	if (worker != NULL ||
		celeriac_recall_delivery(&outcome->id, &worker, &outcome->delivery))
		return worker;
	if (celeriac_was_claimed(&outcome->id))
		return NULL;
	return current_lease(&outcome->id, &outcome->delivery);
}

static bool
finish_one(FunctionCallInfo fcinfo, Outcome *outcome)
{
	CelContext	context;
	const char *worker;
	bool		accepted = false;

	celeriac_enter(&context, fcinfo);
	worker = finisher(outcome);
	if (worker != NULL)
		accepted = celeriac_finish(worker, outcome, 1) == 1;
	celeriac_leave(&context);

	/* what was refused once must not be taken for another's later */
	if (accepted)
		celeriac_forget_delivery(&outcome->id);
	return accepted;
}

static void
begin_one(FunctionCallInfo fcinfo, Outcome *outcome, OutcomeState state)
{
	celeriac_require_not_null(fcinfo, 0, "id");
	celeriac_outcome_init(outcome, PG_GETARG_UUID_P(0), state, NULL, NULL);
}

static const char *
text_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

Datum
task_succeed(PG_FUNCTION_ARGS)
{
	Outcome		outcome;

	begin_one(fcinfo, &outcome, OUTCOME_SUCCESS);
	outcome.result = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	PG_RETURN_BOOL(finish_one(fcinfo, &outcome));
}

Datum
task_fail(PG_FUNCTION_ARGS)
{
	Outcome		outcome;

	begin_one(fcinfo, &outcome, OUTCOME_FAILURE);
	outcome.exc_type = text_argument(fcinfo, 1);
	outcome.exc_message = text_argument(fcinfo, 2);
	outcome.traceback = text_argument(fcinfo, 3);
	PG_RETURN_BOOL(finish_one(fcinfo, &outcome));
}

Datum
task_retry(PG_FUNCTION_ARGS)
{
	Outcome		outcome;

	begin_one(fcinfo, &outcome, OUTCOME_RETRY);
	outcome.countdown = optional_countdown(PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1),
										   PG_ARGISNULL(1));
	outcome.exc_message = text_argument(fcinfo, 2);
	PG_RETURN_BOOL(finish_one(fcinfo, &outcome));
}

Datum
task_reject(PG_FUNCTION_ARGS)
{
	Outcome		outcome;
	bool		requeue = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);

	begin_one(fcinfo, &outcome, requeue ? OUTCOME_PENDING : OUTCOME_REJECTED);
	PG_RETURN_BOOL(finish_one(fcinfo, &outcome));
}
