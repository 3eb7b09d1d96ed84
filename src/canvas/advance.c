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
 * over it: whoever has touched fewer rows than he should looks again.
 */
#include "canvas/advance.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/attempt.h"
#include "session/identity.h"
#include "base/column.h"
#include "base/condition.h"
#include "finish/finish.h"
#include "canvas/graph.h"
#include "base/relation.h"
#include "canvas/rootlock.h"
#include "base/row.h"
#include "base/uuid.h"

#define NO_TARGETS	(-1)

/*
 * What is as large as that may be too large for the arguments of those that
 * wait for it.
 */
#define LARGE_VALUE	(16 * 1024 * 1024)

/* Something whose end, or coming failure, others wait for. */
typedef struct Step
{
	pg_uuid_t	id;
	bool		ended;			/* false: a group that will fail */
	bool		success;
	bool		is_group;
	bool		ignored;		/* success, but its result is not kept */
	bool		skipped;		/* a group that was never begun */
	bool		told;			/* errbacks of a chord's body were called for
								 * it */
	int			targets;		/* tasks that wait for it; 0 = a group */
	int			entered;		/* never begun: groups this is inside of,
								 * within what is not begun */
	Jsonb	   *value;
	const pg_uuid_t *parent;	/* of what follows: NULL = as it is */
	const Outcome *cause;		/* whose failure it is, at first */
} Step;

/* A task that fails because of a step. */
typedef struct Failure
{
	Outcome		outcome;
	const Outcome *cause;
	bool		loud;			/* a chord's body, and no group: its errbacks
								 * are called */
	bool		told;			/* or those of another were, further up */
	int			entered;
} Failure;

static Datum
step_ids(List *steps)
{
	Datum	   *ids = palloc_extended((list_length(steps) + 1) * sizeof(Datum),
									  MCXT_ALLOC_HUGE);
	ListCell   *cell;

	foreach(cell, steps)
		ids[foreach_current_index(cell)] = UUIDPGetDatum(&((Step *) lfirst(cell))->id);
	return celeriac_uuid_array(ids, list_length(steps));
}

static Step *
new_step(const pg_uuid_t *id, Jsonb *options)
{
	Step	   *step = palloc0(sizeof(Step));
	double		targets;

	step->id = *id;
	step->targets = NO_TARGETS;
	if (celeriac_option_number(options, CELERIAC_TARGETS, &targets))
		step->targets = (int) targets;
	return step;
}

/* NULL when nothing waits for it. */
static Step *
ended_step(const Ended *ended)
{
	const Outcome *o = ended->outcome;
	Step	   *step = new_step(&o->id, ended->options);

	if (step->targets == NO_TARGETS)
		return NULL;
	step->ended = true;
	step->success = strcmp(o->state, "SUCCESS") == 0;
	step->value = o->result != NULL ? o->result : celeriac_json_null();
	step->cause = o;
	(void) celeriac_option_bool(ended->options, "ignore_result", &step->ignored);
	return step;
}

/*
 * Ending what never ran.  Each outcome that found its message is in the list
 * returned, as what became of it.
 */
static int
compare_outcomes(const void *a, const void *b)
{
	return memcmp(&(*(Outcome *const *) a)->id, &(*(Outcome *const *) b)->id, UUID_LEN);
}

static Outcome *
find_outcome(Outcome **sorted, int count, const pg_uuid_t *id)
{
	Outcome		key = {.id = *id};
	Outcome    *wanted = &key;
	Outcome   **found = bsearch(&wanted, sorted, count, sizeof(Outcome *), compare_outcomes);

	return found == NULL ? NULL : *found;
}

static List *
read_ended(Outcome **sorted, int count, uint64 rows)
{
	SPITupleTable *table = SPI_tuptable;
	List	   *all = NIL;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = table->vals[i], .desc = table->tupdesc};
		Ended	   *ended = palloc0(sizeof(Ended));
		Outcome    *outcome = find_outcome(sorted, count,
										   celeriac_row_uuid(&row, Anum_result_id));

		outcome->accepted = true;
		ended->outcome = outcome;
		ended->options = celeriac_row_jsonb(&row, Anum_result_options);
		ended->sent_by = celeriac_row_text(&row, Anum_result_sent_by);
		ended->root_id = celeriac_row_uuid(&row, Anum_result_root_id);
		all = lappend(all, ended);
	}
	return all;
}

/* Those that were in motion are still there. */
static int
keep_unended(Outcome **outcomes, int count)
{
	Datum	   *ids = palloc_extended((count + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	int			kept = 0;
	Datum		param;

	for (int i = 0; i < count; i++)
	{
		if (outcomes[i]->accepted)
			continue;
		ids[kept] = UUIDPGetDatum(&outcomes[i]->id);
		outcomes[kept++] = outcomes[i];
	}
	if (kept == 0)
		return 0;
	param = celeriac_uuid_array(ids, kept);
	return celeriac_exec(STMT_WAITING_ROOTS, &param, NULL) > 0 ? kept : 0;
}

static List *
end_all(Outcome **outcomes, int count)
{
	List	   *ended = NIL;
	uint64		rows;

	qsort(outcomes, count, sizeof(Outcome *), compare_outcomes);
	while (count > 0)
	{
		CHECK_FOR_INTERRUPTS();
		rows = celeriac_end_outcomes(outcomes, count, NULL, GetCurrentTimestamp());
		ended = list_concat(ended, read_ended(outcomes, count, rows));
		count = keep_unended(outcomes, count);
	}
	return ended;
}

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
	Datum		values[3];
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
	values[0] = step_ids(steps);
	values[1] = celeriac_column_array(&results, count, JSONBOID);
	values[2] = celeriac_column_array(&parents, count, UUIDOID);
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

	celeriac_outcome_init(cause, &step->id, "FAILURE",
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

/*
 * Groups
 */

/* Whose result is not kept where the group will look for it. */
static void
keep_values(List *steps)
{
	List	   *ignored = NIL;
	Column		results = celeriac_column(list_length(steps));
	Datum		values[2];
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
	values[0] = step_ids(ignored);
	values[1] = celeriac_column_array(&results, list_length(ignored), JSONBOID);
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

		group->id = *celeriac_row_uuid(&row, 1);
		group->is_group = true;
		group->parent = celeriac_row_uuid(&row, 4);
		touched[i] = UUIDPGetDatum(&group->id);
		*members += celeriac_row_int32(&row, 3, 0);
		if (celeriac_row_int32(&row, 2, 0) == 0)
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

static List *
count_down(List *steps)
{
	List	   *complete = NIL;
	uint64		left = list_length(steps);
	Datum		values[2] = {step_ids(steps)};

	while (left > 0)
	{
		uint64		rows = celeriac_exec(STMT_COUNT_DOWN, values, NULL);
		Datum	   *touched = palloc_extended((rows + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
		uint64		members;

		complete = list_concat(complete, counted_down(rows, touched, &members));
		if (members >= left)
			break;
		values[1] = celeriac_uuid_array(touched, rows);
		left = celeriac_exec(STMT_UNCOUNTED, values, NULL);
		values[0] = returned_ids(left);
		CHECK_FOR_INTERRUPTS();
	}
	return complete;
}

/* columns of STMT_GATHERED */
enum
{
	GATHERED_ID = 1, GATHERED_LIST, FAILED_ID, FAILED_STATE, FAILED_EXC_TYPE,
	FAILED_EXC_MESSAGE, FAILED_TRACEBACK, GATHERED_FAILED
};

/* A group that failed did so as the first of its members that did. */
static Outcome *
gathered_outcome(const Row *row)
{
	Outcome    *o = palloc(sizeof(Outcome));
	const char *state = celeriac_row_text(row, FAILED_STATE);
	bool		revoked = state != NULL && strcmp(state, "REVOKED") == 0;

	if (!celeriac_row_bool(row, GATHERED_FAILED, false))
	{
		celeriac_outcome_init(o, celeriac_row_uuid(row, GATHERED_ID), "SUCCESS", NULL, NULL);
		o->result = celeriac_row_jsonb(row, GATHERED_LIST);
		return o;
	}
	celeriac_outcome_init(o, celeriac_row_uuid(row, GATHERED_ID),
						  revoked ? "REVOKED" : "FAILURE",
						  celeriac_row_text(row, FAILED_EXC_TYPE),
						  celeriac_row_text(row, FAILED_EXC_MESSAGE));
	o->traceback = celeriac_row_text(row, FAILED_TRACEBACK);
	if (state == NULL)
	{
		o->exc_type = "celeriac.UpstreamError";
		o->exc_message = "the result of a member exists no longer";
	}
	else if (o->exc_type == NULL)
	{
		o->exc_type = "celeriac.UpstreamError";
		o->exc_message = psprintf("Dependency %s ended as %s",
								  celeriac_uuid_text(celeriac_row_uuid(row, FAILED_ID)), state);
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

		if (celeriac_row_bool(&row, GATHERED_FAILED, false) &&
			celeriac_row_text(&row, FAILED_STATE) == NULL)
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
	if (strcmp(outcome->state, "SUCCESS") == 0)
	{
		outcome->state = "FAILURE";
		outcome->exc_type = celeriac_condition_exc_type(error->sqlerrcode);
		outcome->exc_message = error->message;
	}
	return outcome;
}

static Outcome *
gather_one(Step *group)
{
	Gathering	gathering = {.groups = step_ids(list_make1(group)), .lists = true};
	ErrorData  *error = celeriac_attempt(run_gathering, &gathering);

	return error == NULL ? gathered(&gathering, 0) : gather_without_list(&gathering, error);
}

/* A group whose list cannot be made fails, and does not keep others from ending. */
static Outcome **
gather(List *complete, int *count)
{
	Gathering	all = {.groups = step_ids(complete), .lists = true};
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
static List *
end_groups(List *complete)
{
	int			count;
	Outcome   **outcomes;
	List	   *steps = NIL;
	ListCell   *cell;

	if (complete == NIL)
		return NIL;
	outcomes = gather(complete, &count);
	foreach(cell, end_all(outcomes, count))
	{
		const Ended *ended = lfirst(cell);
		Step	   *step = ended_step(ended);

		celeriac_callbacks(ended);
		if (step == NULL)
			continue;
		step->is_group = true;
		step->parent = last_member(complete, &step->id);
		steps = lappend(steps, step);
	}
	return steps;
}

/*
 * Failures
 */
static int
compare_steps(const void *a, const void *b)
{
	return memcmp(&(*(Step *const *) a)->id, &(*(Step *const *) b)->id, UUID_LEN);
}

static Step **
sort_steps(List *steps)
{
	Step	  **sorted = palloc_extended((list_length(steps) + 1) * sizeof(Step *),
										 MCXT_ALLOC_HUGE);
	ListCell   *cell;

	foreach(cell, steps)
		sorted[foreach_current_index(cell)] = lfirst(cell);
	qsort(sorted, list_length(steps), sizeof(Step *), compare_steps);
	return sorted;
}

static Step *
find_step(Step **sorted, int count, const pg_uuid_t *id)
{
	Step		key = {.id = *id};
	Step	   *wanted = &key;
	Step	  **found = bsearch(&wanted, sorted, count, sizeof(Step *), compare_steps);

	return found == NULL ? NULL : *found;
}

static char *
chord_error(const Outcome *cause)
{
	if (cause->exc_type == NULL)
		return psprintf("Dependency %s ended as %s", celeriac_uuid_text(&cause->id),
						cause->state);
	return psprintf("Dependency %s raised %s('%s')", celeriac_uuid_text(&cause->id),
					cause->exc_type, cause->exc_message ? cause->exc_message : "");
}

static char *
upstream_error(const Outcome *cause)
{
	return psprintf("Dependency %s ended as %s%s%s%s%s", celeriac_uuid_text(&cause->id),
					cause->state, cause->exc_type ? ": " : "",
					cause->exc_type ? cause->exc_type : "",
					cause->exc_message ? ": " : "",
					cause->exc_message ? cause->exc_message : "");
}

/* What waits for a revoked task is revoked; the rest fails. */
static Failure *
new_failure(const pg_uuid_t *target, const Step *source, int depth)
{
	Failure    *failure = palloc0(sizeof(Failure));
	Outcome    *o = &failure->outcome;

	failure->cause = source->cause;
	failure->entered = source->entered + depth;
	failure->loud = source->is_group && !source->skipped && !source->told && depth == 0;
	failure->told = source->told;
	if (strcmp(source->cause->state, "REVOKED") == 0)
		celeriac_outcome_init(o, target, "REVOKED", "TaskRevokedError",
							  upstream_error(source->cause));
	else if (source->is_group && !source->skipped)
		celeriac_outcome_init(o, target, "FAILURE", "ChordError",
							  chord_error(source->cause));
	else
		celeriac_outcome_init(o, target, "FAILURE", "celeriac.UpstreamError",
							  upstream_error(source->cause));
	return failure;
}

/* It has not ended, but what waits for it need not wait any longer. */
static Step *
failing_group(const pg_uuid_t *id, const Step *member)
{
	Step	   *group = palloc0(sizeof(Step));

	group->id = *id;
	group->is_group = true;
	group->targets = NO_TARGETS;
	group->skipped = member->entered > 0;
	group->told = member->told;
	group->entered = Max(member->entered - 1, 0);
	group->cause = member->cause;
	return group;
}

/* Rows come in the order of their targets: a group once, a task has one row. */
static void
split_dependents(uint64 rows, Step **sorted, int count, List **failures, List **groups)
{
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = table->vals[i], .desc = table->tupdesc};
		const Step *source = find_step(sorted, count, celeriac_row_uuid(&row, 1));
		const pg_uuid_t *target = celeriac_row_uuid(&row, 2);

		if (!celeriac_row_bool(&row, 4, false))
			*failures = lappend(*failures,
								new_failure(target, source, celeriac_row_int32(&row, 3, 0)));
		else if (*groups == NIL ||
				 memcmp(&((Step *) llast(*groups))->id, target, UUID_LEN) != 0)
			*groups = lappend(*groups, failing_group(target, source));
	}
}

static List *
end_failures(List *failures)
{
	int			count = list_length(failures);
	Outcome   **outcomes = palloc_extended((count + 1) * sizeof(Outcome *), MCXT_ALLOC_HUGE);
	List	   *steps = NIL;
	ListCell   *cell;

	foreach(cell, failures)
		outcomes[foreach_current_index(cell)] = &((Failure *) lfirst(cell))->outcome;
	foreach(cell, end_all(outcomes, count))
	{
		const Ended *ended = lfirst(cell);
		const Failure *failure = (const Failure *) ended->outcome;
		Step	   *step = ended_step(ended);

		if (failure->loud)
			celeriac_callbacks(ended);
		if (step == NULL)
			continue;
		step->cause = failure->cause;
		step->entered = failure->entered;
		step->told = failure->told ||
			(failure->loud && celeriac_option_jsonb(ended->options, "link_error") != NULL);
		steps = lappend(steps, step);
	}
	return steps;
}

static List *
fail_dependents(List *steps)
{
	Step	  **sorted = sort_steps(steps);
	List	   *failures = NIL;
	List	   *groups = NIL;
	Datum		ids = step_ids(steps);
	uint64		rows;

	if (steps == NIL)
		return NIL;
	rows = celeriac_exec(STMT_DEPENDENTS, &ids, NULL);
	/* once more, now that the segments are locked: one may have been emptied */
	if (rows < list_length(steps))
		rows = celeriac_exec(STMT_DEPENDENTS, &ids, NULL);
	split_dependents(rows, sorted, list_length(steps), &failures, &groups);
	return list_concat(end_failures(failures), groups);
}

/*
 * A group that is found to fail, and is complete in the same round, fails for
 * the reason that was found.
 */
static List *
join_groups(List *failing, List *ended)
{
	Step	  **sorted = sort_steps(ended);
	int			count = list_length(ended);
	List	   *all = ended;
	ListCell   *cell;

	foreach(cell, failing)
	{
		Step	   *step = lfirst(cell);
		Step	   *same = step->is_group ? find_step(sorted, count, &step->id) : NULL;

		if (same == NULL)
		{
			all = lappend(all, step);
			continue;
		}
		same->skipped = step->skipped;
		same->told = step->told;
		same->entered = step->entered;
		same->cause = step->cause;
	}
	return all;
}

/*
 * All of it
 */
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
	keep_values(members);
	failed = fail_dependents(failed);
	steps = join_groups(failed, end_groups(count_down(members)));
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
			strcmp(ended[i].outcome->state, "SUCCESS") != 0)
			roots[n++] = ended[i].root_id ? ended[i].root_id : &ended[i].outcome->id;
	}
	celeriac_rootlock(roots, n);
}

/* What the tasks themselves have done to the canvas they are in. */
static void
change_canvas(const Ended *ended)
{
	ListCell   *cell;

	foreach(cell, ended->outcome->added)
		celeriac_graph_join(ended, lfirst(cell));
	if (ended->replaced != NULL)
		celeriac_graph_replace(ended->replaced, ended->outcome->result);
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
		Step	   *step = ended[i].replaced == NULL ? ended_step(&ended[i]) : NULL;

		change_canvas(&ended[i]);
		if (ended[i].replaced == NULL)
			celeriac_callbacks(&ended[i]);
		if (step != NULL)
			steps = lappend(steps, step);
	}
	advance_all(steps);
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
	return end_groups(list_make1(step));
}

/* The one that it waited for, as if that had only just ended. */
static List *
step_again(const pg_uuid_t *task)
{
	Datum		param = UUIDPGetDatum(task);
	Outcome    *outcome = palloc(sizeof(Outcome));
	Ended		ended = {.outcome = outcome};
	Step	   *step;
	Row			row;

	if (celeriac_exec(STMT_STUCK_SOURCE, &param, NULL) == 0)
		return NIL;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	celeriac_outcome_init(outcome, celeriac_row_uuid(&row, 1), celeriac_row_text(&row, 2),
						  celeriac_row_text(&row, 4), celeriac_row_text(&row, 5));
	outcome->result = celeriac_row_jsonb(&row, 3);
	ended.options = celeriac_row_jsonb(&row, 6);
	step = ended_step(&ended);
	return step == NULL ? NIL : list_make1(step);
}

void
celeriac_advance_stuck(const pg_uuid_t *id, const pg_uuid_t *root, bool is_group)
{
	celeriac_rootlock(&root, 1);
	advance_all(is_group ? recount(id) : step_again(id));
}
