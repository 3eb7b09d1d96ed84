/*
 * result.h
 *		What is known of a task, whether it has ended or not.
 */
#ifndef CELERIAC_TASK_RESULT_H
#define CELERIAC_TASK_RESULT_H

#include "base/names.h"

#include "utils/jsonb.h"

typedef struct TaskStatus
{
	bool		known;			/* there is such a task, and the role may see
								 * it */
	bool		finished;
	bool		own;			/* the row is of the current transaction */
	char	   *name;
	char	   *state;
	char	   *sent_by;
	Jsonb	   *result;
	char	   *exc_type;
	char	   *exc_message;
	char	   *traceback;
} TaskStatus;

/* between enter and leave */
extern void celeriac_task_status(const pg_uuid_t *id, Oid role,
								 TaskStatus *status);
extern bool celeriac_may_change(Oid role, const TaskStatus *status);
extern void celeriac_unknown_task(const pg_uuid_t *id);

#endif							/* CELERIAC_TASK_RESULT_H */
