/*
 * revoke.h
 *		How a worker is told what to stop.
 */
#ifndef CELERIAC_REVOKE_H
#define CELERIAC_REVOKE_H

/* followed by the md5 of the worker's name */
#define CELERIAC_WORKER_CHANNEL	"task_worker_"

#endif							/* CELERIAC_REVOKE_H */
