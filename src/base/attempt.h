/*
 * attempt.h
 *		Work whose failure is caught.
 */
#ifndef CELERIAC_BASE_ATTEMPT_H
#define CELERIAC_BASE_ATTEMPT_H

#include "base/names.h"

#include "utils/elog.h"

/*
 * Does the work in a subtransaction.  NULL when it went well, else what went
 * wrong, and nothing was done.  An error that has to do with this moment (a
 * cancel, a deadlock, no space) is not caught: the same may go well the next
 * time, and to go on without it would lose something.
 */
extern ErrorData *celeriac_attempt(void (*work) (void *), void *argument);

/* Likewise, but all that was done is undone, its locks let go of; no error is caught. */
extern void celeriac_do_and_undo(void (*work) (void *), void *argument);

/* Likewise, unless the work says that it is to be kept. */
extern void celeriac_do_and_keep_if(void (*work) (void *), void *argument, const bool *keep);

#endif							/* CELERIAC_BASE_ATTEMPT_H */
