/*
 * errors.h
 *		Celeriac's own SQLSTATEs: class TC, condition names in docs/errors.md.
 */
#ifndef CELERIAC_BASE_ERRORS_H
#define CELERIAC_BASE_ERRORS_H

#include "base/names.h"

#include "utils/elog.h"

/* No task has this id: never sent, rolled back, forgotten, expired, not yours. */
#define ERRCODE_CELERIAC_UNKNOWN_TASK		MAKE_SQLSTATE('T','C','0','0','1')
/* A state change the transition table does not allow. */
#define ERRCODE_CELERIAC_INVALID_TRANSITION	MAKE_SQLSTATE('T','C','0','0','2')
/* The id given to task_send is already in use. */
#define ERRCODE_CELERIAC_DUPLICATE_TASK		MAKE_SQLSTATE('T','C','0','0','3')
/* An argument is of the wrong shape or out of range. */
#define ERRCODE_CELERIAC_INVALID_ARGUMENT	MAKE_SQLSTATE('T','C','0','0','4')
/* The arguments do not fit the task's function. */
#define ERRCODE_CELERIAC_ARGUMENT_MISMATCH	MAKE_SQLSTATE('T','C','0','0','5')
/* The wait for a result took longer than the timeout. */
#define ERRCODE_CELERIAC_TIMEOUT			MAKE_SQLSTATE('T','C','0','0','6')
/* The task ended as FAILURE (raised by task_get). */
#define ERRCODE_CELERIAC_TASK_FAILED		MAKE_SQLSTATE('T','C','0','0','7')
/* The task ended as REVOKED, REJECTED or IGNORED (raised by task_get). */
#define ERRCODE_CELERIAC_TASK_REVOKED		MAKE_SQLSTATE('T','C','0','0','8')
/* Waiting for a task sent in the same transaction would never end. */
#define ERRCODE_CELERIAC_WOULD_HANG			MAKE_SQLSTATE('T','C','0','0','9')
/* The queue does not exist. */
#define ERRCODE_CELERIAC_UNKNOWN_QUEUE		MAKE_SQLSTATE('T','C','0','1','0')
/* Only for use inside a running SQL task. */
#define ERRCODE_CELERIAC_NOT_IN_TASK		MAKE_SQLSTATE('T','C','0','1','2')
/* Raised inside a SQL task to end it as RETRY, REJECTED or IGNORED. */
#define ERRCODE_CELERIAC_TASK_RETRY			MAKE_SQLSTATE('T','C','0','2','0')
#define ERRCODE_CELERIAC_TASK_REJECT		MAKE_SQLSTATE('T','C','0','2','1')
#define ERRCODE_CELERIAC_TASK_IGNORE		MAKE_SQLSTATE('T','C','0','2','2')
/* The library is not in shared_preload_libraries. */
#define ERRCODE_CELERIAC_NOT_PRELOADED		MAKE_SQLSTATE('T','C','0','3','0')
/* A table in shared memory is full. */
#define ERRCODE_CELERIAC_OUT_OF_SLOTS		MAKE_SQLSTATE('T','C','0','3','1')

#endif							/* CELERIAC_BASE_ERRORS_H */
