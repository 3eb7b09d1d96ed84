/*
 * tell.h
 *		Pools are told that there is something to ask for.
 */
#ifndef CELERIAC_TASK_TELL_H
#define CELERIAC_TASK_TELL_H

#include "base/names.h"

extern void celeriac_tell_worker(const char *worker, const pg_uuid_t *id, bool terminate,
								 const char *signal);

#endif							/* CELERIAC_TASK_TELL_H */
