/*
 * receive.h
 *		A task as task_fetch() returns it.
 */
#ifndef CELERIAC_WORKER_POOL_RECEIVE_H
#define CELERIAC_WORKER_POOL_RECEIVE_H

#include <libpq-fe.h>

#include "pool/report.h"

/* Its texts point into the result. */
extern Delivery receive_delivery(const PGresult *result, int row);

#endif							/* CELERIAC_WORKER_POOL_RECEIVE_H */
