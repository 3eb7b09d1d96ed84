/*
 * post.h
 *		Messages of new tasks, as rows.
 */
#ifndef CELERIAC_ROWS_POST_H
#define CELERIAC_ROWS_POST_H

#include "base/names.h"

#include "utils/jsonb.h"

/* One send, checked and completed from the task's definition. */
typedef struct SendRequest
{
	const char *name;
	Jsonb	   *args;
	Jsonb	   *kwargs;
	const char *queue;
	int			priority;
	TimestampTz eta;			/* 0 = at once */
	TimestampTz expires;		/* 0 = never */
	int			max_retries;	/* -1 = no limit */
	Jsonb	   *options;		/* NULL = none */
	const pg_uuid_t *id;		/* NULL = make one */
	bool		id_is_new;		/* id was made by celeriac_uuid */
	const pg_uuid_t *root_id;
	const pg_uuid_t *parent_id;
	const pg_uuid_t *group_id;
	int			waiting;		/* > 0: not ready before others have ended */
	int			deliveries;		/* so far, under the same id */
	const char *sent_by;
} SendRequest;

/* Insert them; between enter and leave.  The ids are those of the messages. */
extern void celeriac_send_batch(const SendRequest *requests, int count,
								pg_uuid_t *ids);

/* Many that differ in their arguments only. */
typedef struct ManySends
{
	int			count;
	pg_uuid_t  *ids;
	Datum	   *args;
} ManySends;

extern void celeriac_post_many(const SendRequest *request, ManySends *many);

#endif							/* CELERIAC_ROWS_POST_H */
