/*
 * definition.h
 *		Task definitions and queues as this backend remembers them.
 *
 * Both caches are dropped when task_definition or task_queue changes
 * (a trigger on them sends a relation invalidation).
 */
#ifndef CELERIAC_SESSION_DEFINITION_H
#define CELERIAC_SESSION_DEFINITION_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "base/delivery.h"

typedef struct Definition
{
	char		name[CELERIAC_NAME_LEN];	/* hash key */
	bool		known;			/* has a row in task_definition */
	bool		inside;			/* a SQL function, even if it is gone */
	Oid			function;		/* InvalidOid = none, or gone */
	char		queue[CELERIAC_QUEUE_LEN];	/* where it goes by default */
	int			priority;
	int			max_retries;	/* -1 = no limit */
	double		retry_delay;	/* seconds */
	double		retry_backoff;	/* factor; 0 = none */
	double		retry_backoff_max;	/* seconds */
	bool		retry_jitter;
	double		soft_time_limit;	/* seconds; 0 = none */
	double		time_limit;
	double		expires;		/* seconds; 0 = never */
	bool		acks_late;
	int			max_deliveries;
	bool		ignore_result;
	int			nautoretry;
	char	  **autoretry_for;
} Definition;

extern void celeriac_definition_init(void);

/* never NULL: an unknown name gets the built-in defaults; inside enter/leave */
extern const Definition *celeriac_definition(const char *name);

/* where its tasks go when the sender names no queue */
extern const char *celeriac_definition_queue(const Definition *definition);

typedef struct QueueInfo
{
	char		name[CELERIAC_QUEUE_LEN];	/* hash key */
	bool		known;			/* may be fetched from */
	bool		stored;			/* has a row in task_queue */
	bool		paused;
} QueueInfo;

extern const QueueInfo *celeriac_queue(const char *name);
/* create the queue if it is unknown; raises on a bad name */
extern void celeriac_queue_ensure(const char *name);

/*
 * The name of the task that says where a message goes and how it ends: its own,
 * for a map that of the task it calls.
 */
extern const char *celeriac_defining_name(const char *name, Jsonb *kwargs);

/* the definition of that */
extern const Definition *celeriac_definition_of(const Delivery *delivery);

#endif							/* CELERIAC_SESSION_DEFINITION_H */
