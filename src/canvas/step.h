/*
 * step.h
 *		A task or group of a canvas that has ended, or is about to fail.
 */
#ifndef CELERIAC_CANVAS_STEP_H
#define CELERIAC_CANVAS_STEP_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "base/delivery.h"

#define NO_TARGETS	(-1)

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

/* NULL when nothing waits for it */
extern Step *celeriac_ended_step(const Ended *ended);

/*
 * End tasks and groups that nobody runs.  Returns what became of those whose
 * message was found, as a list of Ended; sorts the outcomes by their ids.
 */
extern List *celeriac_end_steps(Outcome **outcomes, int count);

/* their ids, as uuid[] */
extern Datum celeriac_step_ids(List *steps);

#endif							/* CELERIAC_CANVAS_STEP_H */
