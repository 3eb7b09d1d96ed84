/*
 * advance.c
 *		What follows from the end of tasks: callbacks, and what waited for them.
 *
 * A canvas moves on in the transaction that ends one of its tasks, so there is
 * no moment in which a crash could leave it between two steps.  It goes in
 * rounds.  The tasks that have ended are the steps of the first:
 *
 *	- tasks that waited for a success become ready, with its result before
 *	  their own arguments;
 *	- groups are counted down, and those that are complete end with the list of
 *	  their members' results, or as the first of those that failed;
 *	- tasks that waited for anything else end too, with the cause named: they
 *	  never ran, so only the errbacks of a chord's body are called.
 *
 * What ended in this round is the steps of the next.  A group fails only when
 * all its members have ended, but what waits for it fails with the first of
 * them: until then the group is a step that has not ended.
 *
 * A round costs a few statements, however many steps it has.  rootlock.c says
 * which locks are taken, and in which order.  Rows that wait may be moved to
 * another segment at any time, and a statement that finds one in motion passes
 * over it: a round that has touched fewer rows than it should looks again.
 */
#include "canvas/advance.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"

#include "base/attempt.h"
#include "base/column.h"
#include "base/condition.h"
#include "base/delivery.h"
#include "base/json.h"
#include "base/row.h"
#include "base/state.h"
#include "canvas/callback.h"
#include "canvas/failure.h"
#include "canvas/gather.h"
#include "canvas/graft.h"
#include "canvas/rootlock.h"
#include "canvas/step.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"

/*
 * What is as large as that may be too large for the arguments of those that
 * wait for it.
 */
#define LARGE_VALUE	(16 * 1024 * 1024)

/*
 * Successes: what waited for them becomes ready
 */
static void
release_steps(void *argument)
{
	List	   *steps = argument;
	int			count = list_length(steps);
	Column		results = celeriac_column(count);
	Column		parents = celeriac_column(count);
	Datum		values[RELEASE_PARAMS];
	uint64		expected = 0;
	ListCell   *cell;

	foreach(cell, steps)
	{
		const Step *step = lfirst(cell);
		int			i = foreach_current_index(cell);

		results.values[i] = JsonbPGetDatum(step->value);
		parents.values[i] = UUIDPGetDatum(step->parent);
		parents.nulls[i] = (step->parent == NULL);
		expected += step->targets;
	}
	values[PARAM_RELEASE_IDS] = celeriac_step_ids(steps);
	values[PARAM_RELEASE_VALUES] = celeriac_column_array(&results, count, JSONBOID);
	values[PARAM_RELEASE_PARENTS] = celeriac_column_array(&parents, count, UUIDOID);
	while (celeriac_exec(STMT_RELEASE, values, NULL) < expected &&
		   celeriac_exec(STMT_UNRELEASED, values, NULL) > 0)
		CHECK_FOR_INTERRUPTS();
}

static bool
is_large(const Jsonb *value)
{
	return value != NULL && VARSIZE(value) >= LARGE_VALUE;
}

/* As if it had failed, for those that wait for it. */
static Step *
refused_step(const Step *step, const ErrorData *error)
{
	Step	   *refused = palloc(sizeof(Step));
	Outcome    *cause = palloc(sizeof(Outcome));

	celeriac_outcome_init(cause, &step->id, OUTCOME_FAILURE,
						  celeriac_condition_exc_type(error->sqlerrcode), error->message);
	*refused = *step;
	refused->success = false;
	refused->cause = cause;
	return refused;
}

/*
 * Those whose result cannot be handed on are returned: they have ended, and that
 * must not fail, or nobody could ever end them.
 */
static List *
release(List *steps)
{
	List	   *usual = NIL;
	List	   *refused = NIL;
	ListCell   *cell;

	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);
		ErrorData  *error;

		if (!is_large(step->value))
		{
			usual = lappend(usual, step);
			continue;
		}
		error = celeriac_attempt(release_steps, list_make1(step));
		if (error != NULL)
			refused = lappend(refused, refused_step(step, error));
	}
	if (usual != NIL)
		release_steps(usual);
	return refused;
}

static List *
advance_round(List *steps)
{
	List	   *successes = NIL;
	List	   *members = NIL;
	List	   *failed = NIL;
	ListCell   *cell;

	foreach(cell, steps)
	{
		Step	   *step = lfirst(cell);

		if (step->ended && step->targets == 0)
			members = lappend(members, step);
		if (!step->success)
			failed = lappend(failed, step);
		else if (step->targets > 0)
			successes = lappend(successes, step);
	}
	celeriac_keep_values(members);
	failed = celeriac_fail_dependents(failed);
	steps = celeriac_join_groups(failed, celeriac_end_groups(celeriac_count_down(members)));
	return list_concat(steps, release(successes));
}

/*
 * The step from a success to tasks concerns nobody else, unless its result is
 * refused.
 */
static void
lock_roots(const Ended *ended, int count)
{
	const pg_uuid_t **roots = palloc_extended((count + 1) * sizeof(pg_uuid_t *),
											  MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < count; i++)
	{
		double		targets;

		if (ended[i].replaced != NULL)
			targets = 0;
		else if (!celeriac_option_number(ended[i].options, CELERIAC_TARGETS, &targets))
			continue;
		if (targets == 0 || is_large(ended[i].outcome->result) ||
			ended[i].outcome->state != OUTCOME_SUCCESS)
			roots[n++] = ended[i].root_id ? ended[i].root_id : &ended[i].outcome->id;
	}
	celeriac_rootlock(roots, n);
}

/* What the tasks themselves have done to the canvas they are in. */
static List *
change_canvas(const Ended *ended)
{
	List	   *complete = NIL;
	ListCell   *cell;

	foreach(cell, ended->outcome->added)
		complete = list_concat(complete, celeriac_graph_join(ended, lfirst(cell)));
	if (ended->replaced != NULL)
		complete = list_concat(complete, celeriac_graph_replace(ended->replaced,
																ended->outcome->result));
	return celeriac_end_complete(complete);
}

static void
advance_all(List *steps)
{
	while (steps != NIL)
	{
		CHECK_FOR_INTERRUPTS();
		steps = advance_round(steps);
	}
}

void
celeriac_advance(const Ended *ended, int count)
{
	List	   *steps = NIL;

	lock_roots(ended, count);
	for (int i = 0; i < count; i++)
	{
		Step	   *step = ended[i].replaced == NULL ? celeriac_ended_step(&ended[i]) : NULL;

		steps = list_concat(steps, change_canvas(&ended[i]));
		if (ended[i].replaced == NULL)
			steps = list_concat(steps, celeriac_callbacks(&ended[i]));
		if (step != NULL)
			steps = lappend(steps, step);
	}
	advance_all(steps);
}

void
celeriac_advance_complete(List *groups)
{
	advance_all(celeriac_end_complete(groups));
}

/*
 * Repair
 */
static List *
recount(const pg_uuid_t *group)
{
	Datum		param = UUIDPGetDatum(group);
	Step	   *step = palloc0(sizeof(Step));
	Row			row;

	if (celeriac_exec(STMT_RECOUNT, &param, NULL) == 0)
		return NIL;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	if (celeriac_row_int32(&row, 1, 0) > 0)
		return NIL;
	step->id = *group;
	return celeriac_end_groups(list_make1(step));
}

/* The one that it waited for, as if that had only just ended. */
static List *
step_again(const pg_uuid_t *task)
{
	Datum		param = UUIDPGetDatum(task);
	Outcome    *outcome = palloc(sizeof(Outcome));
	Ended		ended = {.outcome = outcome};
	OutcomeState state;
	Step	   *step;
	Row			row;

	if (celeriac_exec(STMT_STUCK_SOURCE, &param, NULL) == 0)
		return NIL;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	if (!celeriac_outcome_state(celeriac_row_text(&row, Anum_stuck_source_state), &state))
		return NIL;
	celeriac_outcome_init(outcome, celeriac_row_uuid(&row, Anum_stuck_source_id), state,
						  celeriac_row_text(&row, Anum_stuck_source_exc_type),
						  celeriac_row_text(&row, Anum_stuck_source_exc_message));
	outcome->result = celeriac_row_jsonb(&row, Anum_stuck_source_result);
	ended.options = celeriac_row_jsonb(&row, Anum_stuck_source_options);
	step = celeriac_ended_step(&ended);
	return step == NULL ? NIL : list_make1(step);
}

void
celeriac_advance_stuck(const pg_uuid_t *id, const pg_uuid_t *root, bool is_group)
{
	celeriac_rootlock(&root, 1);
	advance_all(is_group ? recount(id) : step_again(id));
}
