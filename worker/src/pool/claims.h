/*
 * claims.h
 *		The tasks that a worker names when it attaches.
 *
 * After a reconnect task_attach() is told which tasks are still running here or
 * finished but not delivered.  The server makes the claims of those it has not
 * given to others its own again, and says which.
 */
#ifndef CELERIAC_WORKER_POOL_CLAIMS_H
#define CELERIAC_WORKER_POOL_CLAIMS_H

#include <libpq-fe.h>

#include "server/params.h"

typedef struct Claims
{
	Uuid	   *ids;
	int			count;
	int			size;			/* of ids */
	Buffer		id_fields;		/* elements of the arrays of task_attach() */
	Buffer		delivery_fields;
} Claims;

extern void claims_reset(Claims *claims);
extern void claims_add(Claims *claims, const Uuid *id, int32_t delivery);
extern void claims_free(Claims *claims);

/* As two parameters: ids, deliveries. */
extern void claims_put(const Claims *claims, Params *params);

/* Calls back with those that are not among the granted; returns their number. */
extern int	claims_check(const Claims *claims, const PGresult *granted, void (*lost) (void *data, const Uuid *id), void *data);

#endif							/* CELERIAC_WORKER_POOL_CLAIMS_H */
