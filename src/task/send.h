/*
 * send.h
 *		The parameters of task_send and its kin.
 */
#ifndef CELERIAC_TASK_SEND_H
#define CELERIAC_TASK_SEND_H

#include "base/names.h"

#include "fmgr.h"

#include "celeriac/options.h"

#define SEND_ARGUMENT(name, kind, definition, unset, send, signature) \
	CELERIAC_SENT_##send(ARG_##name,)

/* of task_send, task_send_many and task_send of a signature, in SQL's order */
enum
{
	ARG_name,
	ARG_sig = ARG_name,
	ARG_args,
	ARG_kwargs,
	CELERIAC_TASK_OPTIONS(SEND_ARGUMENT)
	ARG_id,
	SEND_ARGUMENTS
};

/* countdown and eta exclude each other, expires is later than now */
extern void celeriac_send_require_times(FunctionCallInfo fcinfo, TimestampTz now);

#endif							/* CELERIAC_TASK_SEND_H */
