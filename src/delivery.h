/*
 * delivery.h
 *		A task handed to a worker, and what became of it.
 */
#ifndef CELERIAC_DELIVERY_H
#define CELERIAC_DELIVERY_H

#include "celeriac.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

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
	Jsonb	   *options;		/* NULL = none; limits merged in */
	char	   *sent_by;		/* role name */
	double		soft_time_limit;	/* seconds; 0 = none */
	double		time_limit;
} Delivery;

/* an outcome's state besides the real ones: its worker died under it */
#define CELERIAC_LOST	"LOST"
/* and: result is the signature that takes its place */
#define CELERIAC_REPLACED	"REPLACED"

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
	const char *state;			/* final, RETRY, PENDING (hand back), LOST,
								 * REPLACED */
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

/* the SQL task this executor is running (executor.c); NULL elsewhere */
extern const Delivery *celeriac_current_task;

/*
 * Claim up to max tasks that are ready now; does not wait.  lease is in
 * seconds, < 0 asks for session claims.  Between celeriac_enter and leave;
 * palloc'd in the current memory context.
 */
struct QueueRef;
extern int	celeriac_fetch(const char *worker, struct QueueRef *queues, int nqueues, int max, double lease,
						   Delivery **deliveries);

/* is anything there to fetch? */
extern bool celeriac_anything_ready(struct QueueRef *queues, int nqueues);

/* Apply outcomes, in one go; between enter and leave. Returns how many were accepted. */
extern int	celeriac_finish(const char *worker, Outcome *outcomes, int count);

#endif							/* CELERIAC_DELIVERY_H */
