/*
 * report.h
 *		A task as the server delivered it, and what became of it.
 */
#ifndef CELERIAC_WORKER_POOL_REPORT_H
#define CELERIAC_WORKER_POOL_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "sdk/states.h"

typedef struct Delivery
{
	Uuid		id;
	Uuid		root_id;
	Uuid		parent_id;
	Uuid		group_id;
	bool		has_root;
	bool		has_parent;
	bool		has_group;
	int32_t		priority;
	int32_t		retries;
	int32_t		max_retries;	/* TASK_NO_LIMIT = unlimited */
	int32_t		delivery;
	Text		name;
	Text		queue;
	Text		args;
	Text		kwargs;
	Text		options;
} Delivery;

typedef struct Report
{
	OutcomeState state;
	int64_t		started_at;		/* clock_wall(); 0 = never begun */
	int64_t		runtime;		/* microseconds */
	double		countdown;		/* of RETRY; < 0 = the definition's */
	Text		result;
	Text		exc_type;
	Text		exc_message;
	Text		traceback;
	Text		sent;			/* children, as in SdkOutcome */
} Report;

/* Of a task that did not run to an end. */
static inline Report
report_ended(OutcomeState state, const char *exc_type, const char *exc_message)
{
	return (Report) {
		.state = state,
		.countdown = -1,
		.exc_type = text_of(exc_type),
		.exc_message = text_of(exc_message),
	};
}

#endif							/* CELERIAC_WORKER_POOL_REPORT_H */
