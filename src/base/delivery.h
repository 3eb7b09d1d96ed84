/*
 * delivery.h
 *		A task handed to a worker, and what became of it.
 */
#ifndef CELERIAC_BASE_DELIVERY_H
#define CELERIAC_BASE_DELIVERY_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "sdk/states.h"

#define CELERIAC_NO_LIMIT	(-1)

typedef struct Delivery
{
	pg_uuid_t	id;
	char	   *name;
	Jsonb	   *args;
	Jsonb	   *kwargs;
	char	   *queue;
	int			priority;
	int64		ready;
	int			retries;
	int			max_retries;	/* CELERIAC_NO_LIMIT */
	int			delivery;		/* fencing number of this claim */
	TimestampTz eta;			/* 0 = none, likewise expires */
	TimestampTz expires;
	bool		has_root;
	bool		has_parent;
	bool		has_group;
	pg_uuid_t	root_id;
	pg_uuid_t	parent_id;
	pg_uuid_t	group_id;
	Jsonb	   *options;		/* NULL = none */
	char	   *sent_by;		/* role name */

	/* for one that is run next; 0 in one that only ends */
	Oid			function;		/* of the database; InvalidOid = none, or gone */
	double		soft_time_limit;	/* seconds; 0 = none */
	double		time_limit;
} Delivery;

/* a canvas that joins a group, under an id made beforehand */
typedef struct Addition
{
	Jsonb	   *signature;
	pg_uuid_t	id;
} Addition;

typedef struct Outcome
{
	pg_uuid_t	id;
	int			delivery;
	OutcomeState state;
	Jsonb	   *result;
	const char *exc_type;
	const char *exc_message;
	const char *traceback;
	double		countdown;		/* seconds; < 0 = as the definition says */
	TimestampTz started_at;		/* 0 = never begun */
	bool		not_begun;		/* LOST, but only prefetched: no loss of its
								 * own */
	List	   *added;			/* of Addition: what joins the task's group */
	List	   *sent;			/* of Canvas, ready to be sent: children.c */
	bool		accepted;		/* set by celeriac_finish */
} Outcome;

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

/* the message that waits for the members of a group; nobody runs it */
#define CELERIAC_GROUP_TASK	"celeriac.group"

/* in the options of a message */
#define CELERIAC_TARGETS	"canvas"

extern void celeriac_outcome_init(Outcome *outcome, const pg_uuid_t *id,
								  OutcomeState state, const char *exc_type,
								  const char *exc_message);

#endif							/* CELERIAC_BASE_DELIVERY_H */
