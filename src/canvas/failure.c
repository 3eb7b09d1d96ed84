/*
 * failure.c
 *		Failures: what waited for a step that did not succeed ends too.
 */
#include "canvas/failure.h"

#include "executor/spi.h"
#include "nodes/pg_list.h"

#include "base/delivery.h"
#include "base/json.h"
#include "base/row.h"
#include "base/uuid.h"
#include "canvas/callback.h"
#include "canvas/step.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"

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
						outcome_state_name(cause->state));
	return psprintf("Dependency %s raised %s('%s')", celeriac_uuid_text(&cause->id),
					cause->exc_type, cause->exc_message ? cause->exc_message : "");
}

static char *
upstream_error(const Outcome *cause)
{
	return psprintf("Dependency %s ended as %s%s%s%s%s", celeriac_uuid_text(&cause->id),
					outcome_state_name(cause->state), cause->exc_type ? ": " : "",
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
	if (source->cause->state == OUTCOME_REVOKED)
		celeriac_outcome_init(o, target, OUTCOME_REVOKED, EXC_REVOKED,
							  upstream_error(source->cause));
	else if (source->is_group && !source->skipped)
		celeriac_outcome_init(o, target, OUTCOME_FAILURE, EXC_CHORD,
							  chord_error(source->cause));
	else
		celeriac_outcome_init(o, target, OUTCOME_FAILURE, EXC_UPSTREAM,
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
		const Step *source = find_step(sorted, count,
									   celeriac_row_uuid(&row, Anum_dependent_source));
		const pg_uuid_t *target = celeriac_row_uuid(&row, Anum_dependent_target);

		if (!celeriac_row_bool(&row, Anum_dependent_is_group, false))
			*failures = lappend(*failures,
								new_failure(target, source,
											celeriac_row_int32(&row, Anum_dependent_depth, 0)));
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
	foreach(cell, celeriac_end_steps(outcomes, count))
	{
		const Ended *ended = lfirst(cell);
		const Failure *failure = (const Failure *) ended->outcome;
		Step	   *step = celeriac_ended_step(ended);

		if (failure->loud)
			steps = list_concat(steps, celeriac_callbacks(ended));
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

List *
celeriac_fail_dependents(List *steps)
{
	Step	  **sorted = sort_steps(steps);
	List	   *failures = NIL;
	List	   *groups = NIL;
	Datum		ids = celeriac_step_ids(steps);
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
List *
celeriac_join_groups(List *failing, List *ended)
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
