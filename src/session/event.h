/*
 * event.h
 *		State transitions announced by NOTIFY task_event while someone listens.
 */
#ifndef CELERIAC_SESSION_EVENT_H
#define CELERIAC_SESSION_EVENT_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "base/delivery.h"

extern void celeriac_event_init(void);

/* one word read: is anyone listening in this database? */
extern bool celeriac_events_wanted(void);

/*
 * What an event may carry; unset fields (NULL, 0) are left out.  Names follow
 * Celery: uuid, name, args, kwargs, retries, eta, expires, root_id,
 * parent_id, queue, hostname (the worker), result, runtime, exception,
 * traceback, requeue, terminated, signum, expired.
 */
typedef struct TaskEvent
{
	const char *type;			/* "task-sent" … */
	const pg_uuid_t *id;
	const char *name;
	const char *queue;
	const char *worker;
	Jsonb	   *args;
	Jsonb	   *kwargs;
	int			retries;		/* -1 = left out */
	TimestampTz eta;
	TimestampTz expires;
	const pg_uuid_t *root_id;
	const pg_uuid_t *parent_id;
	Jsonb	   *result;
	double		runtime;		/* seconds; < 0 = left out */
	const char *exception;
	const char *traceback;
	TimestampTz timestamp;		/* 0 = now */
	const char *extra;			/* "\"requeue\": true" and the like, or NULL */
} TaskEvent;

/* format and collect; sent before commit (xact.c calls the sender) */
extern void celeriac_event_task(const TaskEvent *event);
extern void celeriac_event_worker(const char *type, const char *worker,
								  Jsonb *info);

/* those for which no row changes, so that no trigger tells; started_at 0 = now */
extern void celeriac_announce_started(const char *worker, const pg_uuid_t *id,
									  TimestampTz started_at);
extern void celeriac_announce_received(const char *worker,
									   const Delivery *deliveries, int count);

#endif							/* CELERIAC_SESSION_EVENT_H */
