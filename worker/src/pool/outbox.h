/*
 * outbox.h
 *		Outcomes on their way to the server.
 *
 * An outcome stays here until the server has answered for it: accepted, or
 * refused because the task is no longer ours.  They go in batches, one
 * transaction each.  A batch that the server cannot take at all (a result that
 * jsonb cannot hold) is halved until the one at fault is alone; that one is
 * turned into a failure of its task.
 */
#ifndef CELERIAC_WORKER_POOL_OUTBOX_H
#define CELERIAC_WORKER_POOL_OUTBOX_H

#include "pool/job.h"
#include "server/link.h"

typedef struct Outbox Outbox;

/*
 * worker: the name to report under; must live as long.  Batches go through the
 * link; while it has all it can take, full ones go through the second one, so
 * that two sessions of the server work on them.
 */
extern Outbox *outbox_new(const char *worker, Link *link, Link *second);
extern void outbox_free(Outbox *outbox);

/* Put what became of a job in. */
extern void outbox_add(Outbox *outbox, const Job *job, const Report *report);

typedef struct OutboxState
{
	unsigned	outcome_type;	/* oid of task_outcome */
	bool		more_soon;		/* others will follow within a moment */
	bool		second_free;	/* the second link may be used now */
} OutboxState;

/* Send what is due.  Returns when to come again. */
extern int64_t outbox_send(Outbox *outbox, const OutboxState *state, int64_t now);

/* Outcomes the server has not answered for. */
extern int	outbox_count(const Outbox *outbox);

/* Outcomes it refused so far. */
extern long outbox_refused(const Outbox *outbox);

extern void outbox_visit(Outbox *outbox, void (*visit) (void *data, const Uuid *id, int32_t delivery), void *data);

#endif							/* CELERIAC_WORKER_POOL_OUTBOX_H */
