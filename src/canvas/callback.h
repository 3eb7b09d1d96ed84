/*
 * callback.h
 *		Links and errbacks: what is sent when a task has ended.
 */
#ifndef CELERIAC_CALLBACK_H
#define CELERIAC_CALLBACK_H

#include "base/names.h"

#include "utils/array.h"

#include "base/delivery.h"

/* a task that has just ended, in this transaction */
typedef struct Ended
{
	const Outcome *outcome;
	Jsonb	   *options;		/* of its message */
	const char *sent_by;
	const pg_uuid_t *root_id;	/* NULL = itself */
	const Delivery *replaced;	/* it has not ended: outcome->result takes its
								 * place; NULL = it has */
} Ended;

extern void celeriac_callbacks(const Ended *ended);

/* raises unless each of task_signature[] can be sent */
extern void celeriac_callbacks_require(ArrayType *signatures);

#endif							/* CELERIAC_CALLBACK_H */
