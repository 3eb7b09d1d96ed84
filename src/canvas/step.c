/*
 * step.c
 *		A task or group of a canvas that has ended, or is about to fail, on the way
 *		to what waits for it; and the end of those that never ran.
 */
#include "canvas/step.h"

#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/json.h"
#include "rows/ended.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"

Datum
celeriac_step_ids(List *steps)
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
Step *
celeriac_ended_step(const Ended *ended)
{
	const Outcome *o = ended->outcome;
	Step	   *step = new_step(&o->id, ended->options);

	if (step->targets == NO_TARGETS)
		return NULL;
	step->ended = true;
	step->success = o->state == OUTCOME_SUCCESS;
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
ended_list(Outcome **sorted, int count, const EndedRow *rows, uint64 nrows)
{
	List	   *all = NIL;

	for (uint64 i = 0; i < nrows; i++)
	{
		Ended	   *ended = palloc0(sizeof(Ended));
		Outcome    *outcome = find_outcome(sorted, count, rows[i].id);

		outcome->accepted = true;
		ended->outcome = outcome;
		ended->options = rows[i].options;
		ended->sent_by = rows[i].sent_by;
		ended->root_id = rows[i].root_id;
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

List *
celeriac_end_steps(Outcome **outcomes, int count)
{
	List	   *ended = NIL;
	EndedRow   *rows;
	uint64		nrows;

	qsort(outcomes, count, sizeof(Outcome *), compare_outcomes);
	while (count > 0)
	{
		CHECK_FOR_INTERRUPTS();
		nrows = celeriac_end_outcomes(outcomes, count, NULL, GetCurrentTimestamp(), &rows);
		ended = list_concat(ended, ended_list(outcomes, count, rows, nrows));
		count = keep_unended(outcomes, count);
	}
	return ended;
}
