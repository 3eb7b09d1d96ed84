/*
 * register.h
 *		Telling the server that this worker is there, and hearing its commands.
 */
#ifndef CELERIAC_WORKER_POOL_REGISTER_H
#define CELERIAC_WORKER_POOL_REGISTER_H

#include "server/link.h"

/* What the server is told of a worker.  The strings must live as long. */
typedef struct Registration
{
	const char *worker;			/* its name */
	char	  **queues;
	int			nqueues;
	int			concurrency;
} Registration;

/* state: "online", "offline" */
extern void register_heartbeat(Link *link, const Registration *self, const char *state, LinkAnswer answer, void *data);

/* A queue that nobody ever used cannot be fetched from. */
extern void register_queues(Link *link, const Registration *self);

/* Listen for the commands to this worker. */
extern void register_commands(Link *link, const Registration *self);

#endif							/* CELERIAC_WORKER_POOL_REGISTER_H */
