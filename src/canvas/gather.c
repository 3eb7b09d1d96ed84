/*
 * gather.c
 *		Groups: members counted down, results gathered, the group ended.
 */
#include "canvas/gather.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "base/attempt.h"
#include "base/check.h"
#include "base/column.h"
#include "base/condition.h"
#include "base/delivery.h"
#include "base/row.h"
#include "base/uuid.h"
#include "canvas/callback.h"
#include "canvas/step.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"

/* The values of tasks whose result is not kept where the group will look for it. */
void
celeriac_keep_values(List *steps)
{
	List	   *ignored = NIL;
	Column		results = celeriac_column(list_length(steps));
	Datum		values[KEEP_PARAMS];
	ListCell   *cell;

	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		if (!step->success || !step->ignored)
			continue;
		results.values[list_length(ignored)] = JsonbPGetDatum(step->value);
		ignored = lappend(ignored, step);
	}
	if (ignored == NIL)
		return;
	values[PARAM_KEEP_IDS] = celeriac_step_ids(ignored);
	values[PARAM_KEEP_VALUES] = celeriac_column_array(&results, list_length(ignored), JSONBOID);
	celeriac_exec(STMT_KEEP_VALUES, values, NULL);
}

/* The groups that are complete, each with the member that came last. */
static List *
counted_down(uint64 rows, Datum *touched, uint64 *members)
{
	SPITupleTable *table = SPI_tuptable;
	List	   *complete = NIL;

	*members = 0;
	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = table->vals[i], .desc = table->tupdesc};
		Step	   *group = palloc0(sizeof(Step));

		group->id = *celeriac_row_uuid(&row, Anum_counted_id);
		group->is_group = true;
		group->parent = celeriac_row_uuid(&row, Anum_counted_last);
		touched[i] = UUIDPGetDatum(&group->id);
		*members += celeriac_row_int32(&row, Anum_counted_ended, 0);
		if (celeriac_row_int32(&row, Anum_counted_waiting, 0) == 0)
			complete = lappend(complete, group);
	}
	return complete;
}

static Datum
returned_ids(uint64 rows)
{
	Datum	   *ids = palloc_extended((rows + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = SPI_tuptable->vals[i], .desc = SPI_tuptable->tupdesc};

		ids[i] = UUIDPGetDatum(celeriac_row_uuid(&row, 1));
	}
	return celeriac_uuid_array(ids, rows);
}

List *
celeriac_count_down(List *steps)
{
	List	   *complete = NIL;
	uint64		left = list_length(steps);
	Datum		values[COUNTED_PARAMS] = {[PARAM_COUNTED_IDS] = celeriac_step_ids(steps)};

	while (left > 0)
	{
		uint64		rows = celeriac_exec(STMT_COUNT_DOWN, values, NULL);
		Datum	   *touched = palloc_extended((rows + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
		uint64		members;

		complete = list_concat(complete, counted_down(rows, touched, &members));
		if (members >= left)
			break;
		values[PARAM_COUNTED_TOUCHED] = celeriac_uuid_array(touched, rows);
		left = celeriac_exec(STMT_UNCOUNTED, values, NULL);
		values[PARAM_COUNTED_IDS] = returned_ids(left);
		CHECK_FOR_INTERRUPTS();
	}
	return complete;
}

/* A group that failed did so as the first of its members that did. */
static Outcome *
gathered_outcome(const Row *row)
{
	Outcome    *o = palloc(sizeof(Outcome));
	const char *state = celeriac_row_text(row, Anum_gathered_failed_state);
	bool		revoked = state != NULL && strcmp(state, "REVOKED") == 0;

	if (!celeriac_row_bool(row, Anum_gathered_failed, false))
	{
		celeriac_outcome_init(o, celeriac_row_uuid(row, Anum_gathered_id), OUTCOME_SUCCESS, NULL, NULL);
		o->result = celeriac_row_jsonb(row, Anum_gathered_list);
		return o;
	}
	celeriac_outcome_init(o, celeriac_row_uuid(row, Anum_gathered_id),
						  revoked ? OUTCOME_REVOKED : OUTCOME_FAILURE,
						  celeriac_row_text(row, Anum_gathered_failed_exc_type),
						  celeriac_row_text(row, Anum_gathered_failed_exc_message));
	o->traceback = celeriac_row_text(row, Anum_gathered_failed_traceback);
	if (state == NULL)
	{
		o->exc_type = EXC_UPSTREAM;
		o->exc_message = "the result of a member exists no longer";
	}
	else if (o->exc_type == NULL)
	{
		o->exc_type = EXC_UPSTREAM;
		o->exc_message = psprintf("Dependency %s ended as %s",
								  celeriac_uuid_text(celeriac_row_uuid(row, Anum_gathered_failed_id)), state);
	}
	return o;
}

/* A member failed, and its result cannot be found. */
static bool
lacks_result(uint64 rows)
{
	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = SPI_tuptable->vals[i], .desc = SPI_tuptable->tupdesc};

		if (celeriac_row_bool(&row, Anum_gathered_failed, false) &&
			celeriac_row_text(&row, Anum_gathered_failed_state) == NULL)
			return true;
	}
	return false;
}

/* Once more, with the segments locked, when one may just have been emptied. */
typedef struct Gathering
{
	Datum		groups;			/* their ids */
	bool		lists;			/* with the lists of results */
	SPITupleTable *table;
	uint64		rows;
} Gathering;

static void
run_gathering(void *argument)
{
	Gathering  *gathering = argument;
	Datum		values[] = {gathering->groups, BoolGetDatum(gathering->lists)};

	gathering->rows = celeriac_exec(STMT_GATHERED, values, NULL);
	if (lacks_result(gathering->rows))
		gathering->rows = celeriac_exec(STMT_GATHERED, values, NULL);
	gathering->table = SPI_tuptable;
}

static Outcome *
gathered(const Gathering *gathering, uint64 number)
{
	Row			row = {
		.tuple = gathering->table->vals[number], .desc = gathering->table->tupdesc
	};

	return gathered_outcome(&row);
}

/* The list cannot be made: it would be too large, say. */
static Outcome *
gather_without_list(Gathering *gathering, const ErrorData *error)
{
	Outcome    *outcome;

	gathering->lists = false;
	run_gathering(gathering);
	outcome = gathered(gathering, 0);
	if (outcome->state == OUTCOME_SUCCESS)
	{
		outcome->state = OUTCOME_FAILURE;
		outcome->exc_type = celeriac_condition_exc_type(error->sqlerrcode);
		outcome->exc_message = error->message;
	}
	return outcome;
}

static Outcome *
gather_one(Step *group)
{
	Gathering	gathering = {.groups = celeriac_step_ids(list_make1(group)), .lists = true};
	ErrorData  *error = celeriac_attempt(run_gathering, &gathering);

	return error == NULL ? gathered(&gathering, 0) : gather_without_list(&gathering, error);
}

/* A group whose list cannot be made fails, and does not keep others from ending. */
static Outcome **
gather(List *complete, int *count)
{
	Gathering	all = {.groups = celeriac_step_ids(complete), .lists = true};
	ErrorData  *error = celeriac_attempt(run_gathering, &all);
	Outcome   **outcomes;

	*count = error == NULL ? all.rows : list_length(complete);
	outcomes = palloc_extended((*count + 1) * sizeof(Outcome *), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *count; i++)
		outcomes[i] = error == NULL ? gathered(&all, i) :
			gather_one(list_nth(complete, i));
	return outcomes;
}

static const pg_uuid_t *
last_member(List *complete, const pg_uuid_t *group)
{
	ListCell   *cell;

	foreach(cell, complete)
	{
		const Step *step = lfirst(cell);

		if (memcmp(&step->id, group, UUID_LEN) == 0)
			return step->parent;
	}
	return NULL;
}

/* The callbacks of a group are those of a task that was replaced by it. */
List *
celeriac_end_groups(List *complete)
{
	int			count;
	Outcome   **outcomes;
	List	   *steps = NIL;
	ListCell   *cell;

	if (complete == NIL)
		return NIL;
	outcomes = gather(complete, &count);
	foreach(cell, celeriac_end_steps(outcomes, count))
	{
		const Ended *ended = lfirst(cell);
		Step	   *step = celeriac_ended_step(ended);

		steps = list_concat(steps, celeriac_callbacks(ended));
		if (step == NULL)
			continue;
		step->is_group = true;
		step->parent = last_member(complete, &step->id);
		steps = lappend(steps, step);
	}
	return steps;
}
