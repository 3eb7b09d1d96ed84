/*
 * host.h
 *		What the host of a running task gives to it, and gets.
 */
#ifndef CELERIAC_WORKER_SDK_HOST_H
#define CELERIAC_WORKER_SDK_HOST_H

#include "celeriac/task.h"
#include "sdk/states.h"

/* A task as delivered.  Text is borrowed; NULL means the fact is not known. */
typedef struct SdkInput
{
	const char *id;
	const char *name;
	const char *queue;
	const char *root_id;
	const char *parent_id;
	const char *group_id;
	const char *args;			/* JSON array; NULL = empty */
	const char *kwargs;			/* JSON object; NULL = empty */
	const char *options;		/* JSON object; NULL = none */
	int			priority;
	int			retries;
	int			max_retries;	/* TASK_NO_LIMIT = unlimited */
	int			delivery;
} SdkInput;

/* What the host does for a running task.  Any may be NULL: no such service. */
typedef struct SdkHost
{
	/* show a custom state; info is JSON text or NULL */
	bool		(*update_state) (void *data, const char *state, const char *info);
	void		(*log) (void *data, task_log_level level, const char *message);
	bool		(*revoked) (void *data);
	bool		(*soft_limit_reached) (void *data);
	void	   *data;			/* passed to each */
} SdkHost;

/* What became of it.  Text is owned: sdk_outcome_free(). */
typedef struct SdkOutcome
{
	task_status status;
	bool		requeue;		/* of TASK_REJECT */
	double		countdown;		/* of TASK_RETRY; < 0 = the definition's */
	char	   *result;			/* JSON text; NULL = null.  Of TASK_REPLACED
								 * the signature */
	char	   *sent;			/* JSON array: {"send": signature} or {"add":
								 * signature}, in that order; NULL = none */
	char	   *exc_type;		/* set for FAILURE, RETRY, REVOKED */
	char	   *exc_message;
} SdkOutcome;

/* Free what an outcome owns; it may be used again afterwards. */
extern void sdk_outcome_free(SdkOutcome *outcome);

/* What to report to task_finish(); OUTCOME_PENDING puts the task back. */
extern OutcomeState sdk_outcome_state(const SdkOutcome *outcome);

#endif							/* CELERIAC_WORKER_SDK_HOST_H */
