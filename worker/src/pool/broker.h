/*
 * broker.h
 *		The worker's dealings with the server.
 *
 * Two connections.  FETCH waits for tasks, fetches them and holds their
 * session claims: while it lives, the tasks are ours.  WORK carries everything
 * else: registration, outcomes, states, commands.  So a wait for tasks never
 * delays an outcome.  Under load, when FETCH does not wait, it takes some of
 * the outcomes as well.
 */
#ifndef CELERIAC_WORKER_POOL_BROKER_H
#define CELERIAC_WORKER_POOL_BROKER_H

#include <poll.h>

#include "pool/catalog.h"
#include "pool/claims.h"
#include "pool/job.h"
#include "pool/register.h"

typedef struct BrokerConfig
{
	const char *conninfo;
	Registration self;
	int64_t		heartbeat_interval; /* microseconds; 0 = none */
	const Catalog *catalog;
} BrokerConfig;

typedef struct BrokerHost
{
	void		(*delivered) (void *data, const Delivery *delivery);
	void		(*command) (void *data, const char *payload);
	/* a task we asked about was revoked: with a signal, or "" */
	void		(*revoked) (void *data, const Uuid *id, const char *signal);

	/* name every task that is still in hand */
	void		(*list_claims) (void *data, Claims *claims);
	/* this claim was not granted again */
	void		(*claim_lost) (void *data, const Uuid *id);

	/* this will not work: end the worker */
	void		(*fatal) (void *data, const char *reason);
	/* registered and fetching, for the first time */
	void		(*ready) (void *data);
	void	   *data;
} BrokerHost;

typedef struct Broker Broker;

extern Broker *broker_new(const BrokerConfig *config, const BrokerHost *host);
extern void broker_free(Broker *broker);

/*
 * Fetch up to max tasks; after a fetch that brought fewer than it asked for,
 * when some are ready.  Does nothing while a fetch is under way or not possible.
 */
extern void broker_fetch(Broker *broker, int max);
extern bool broker_is_fetching(const Broker *broker);

/* False while the claims may be somebody else's: FETCH is down. */
extern bool broker_holds_claims(const Broker *broker);

/* Wake up a fetch that waits, so that it ends soon. */
extern void broker_cancel_fetch(Broker *broker);

extern void broker_outcome(Broker *broker, const Job *job, const Report *report);
extern void broker_started(Broker *broker, const Job *job, int64_t started_at);
extern void broker_state(Broker *broker, const Job *job, Text state, Text info);

/* Ask whether it was revoked. */
extern void broker_ask_revoked(Broker *broker, const Uuid *id);

/* Outcomes that the server has not answered for. */
extern int	broker_undelivered(const Broker *broker);

/* Say goodbye: tell the server that this worker is offline. */
extern void broker_leave(Broker *broker);

/* True when the goodbye was heard, or cannot be. */
extern bool broker_has_left(const Broker *broker);

#define BROKER_FDS 2
extern void broker_fds(Broker *broker, struct pollfd fds[BROKER_FDS]);
extern void broker_handle(Broker *broker, const struct pollfd fds[BROKER_FDS]);

/*
 * Send what is due and look after the connections; returns when to come again.
 * more_soon: outcomes will follow within a moment.
 */
extern int64_t broker_tick(Broker *broker, bool more_soon, int64_t now);

/* In a child. */
extern void broker_abandon(Broker *broker);

#endif							/* CELERIAC_WORKER_POOL_BROKER_H */
