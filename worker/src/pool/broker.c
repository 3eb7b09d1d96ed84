/*
 * broker.c
 *		The worker's dealings with the server.
 *
 * When the sessions are greeted, WORK registers the worker, listens for
 * commands and, once, declares the tasks.  FETCH then attaches: it names the
 * tasks that are still running or finished but not delivered, and the server
 * makes their claims its own again.  Only after that are outcomes sent and
 * tasks fetched, so nothing this worker still has can be given to another one
 * in between.
 */
#include "pool/broker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pool/declare.h"
#include "pool/outbox.h"
#include "pool/receive.h"
#include "pool/register.h"
#include "sdk/shared.h"
#include "server/answer.h"
#include "server/session.h"
#include "server/wire.h"

/* idle waits end after this long, and begin again */
#define BROKER_WAIT_SECONDS	300.0

/* after a fetch that failed */
#define BROKER_FETCH_PAUSE	CLOCK_SECOND

/* how often a fetch of many asks whether it is its turn */
#define BROKER_WAIT_AGAIN	(100 * CLOCK_MS)

/* between attempts to end a wait: the first pause, which doubles */
#define BROKER_CANCEL_PAUSE	(200 * CLOCK_MS)
#define BROKER_CANCEL_MAX	(5 * CLOCK_SECOND)

struct Broker
{
	BrokerConfig config;
	BrokerHost	host;
	Session		fetch;
	Session		work;
	Outbox	   *outbox;
	Claims		claims;			/* named when FETCH attached */
	Params		params;			/* scratch */
	Params		wait_params;
	bool		declared;		/* the tasks, once */
	bool		was_ready;		/* host.ready was called */
	bool		attaching;

	bool		fetching;
	bool		waiting;		/* the fetch under way began with a wait */
	bool		may_be_more;	/* the last fetch brought all it asked for */
	int			asked;			/* by the fetch under way */
	int64_t		fetch_after;	/* not before, after an error */
	int64_t		wait_again;		/* before many tasks are fetched */
	int64_t		cancel_at;		/* the wait is to end, now or then */
	int64_t		cancel_pause;	/* after the next attempt to end it */

	int64_t		heartbeat_at;
	bool		leaving;
	bool		left;
};

/*
 * Coming up
 */

static void broker_register(Broker *broker);
static void broker_attach(Broker *broker);

/* FETCH goes on when WORK has registered the worker. */
static void
broker_proceed(Broker *broker)
{
	if (broker->work.greeted && !broker->work.ready)
		broker_register(broker);
	if (broker->fetch.greeted && !broker->fetch.ready &&
		broker->work.ready && !broker->attaching)
		broker_attach(broker);
}

static void
broker_greeted(void *data)
{
	broker_proceed(data);
}

/* At the start somebody should know; later it may be a restore or a drop. */
static void
broker_refused(void *data, const char *reason)
{
	Broker	   *broker = data;

	if (!broker->was_ready)
		broker->host.fatal(broker->host.data, reason);
}

static void
broker_fetch_down(void *data)
{
	Broker	   *broker = data;

	broker->attaching = false;
	broker->may_be_more = true;
}

static void
broker_work_down(void *data)
{
	Broker	   *broker = data;

	if (broker->leaving)
		broker->left = true;
}

/*
 * Registering
 */

static void
broker_heartbeat(Broker *broker, const char *state, LinkAnswer answer,
				 void *data)
{
	register_heartbeat(broker->work.link, &broker->config.self, state, answer,
					   data);
	if (broker->config.heartbeat_interval > 0)
		broker->heartbeat_at = clock_mono() +
			broker->config.heartbeat_interval;
}

static void
broker_registered(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	if (result == NULL)
		return;
	if (!answer_succeeded(result))
	{
		answer_log_error("registering the worker", result);
		link_fail(broker->work.link, "the worker cannot be registered");
		return;
	}
	broker->declared = true;
	session_set_ready(&broker->work);
	broker_proceed(broker);
}

static void
broker_register(Broker *broker)
{
	Link	   *link = broker->work.link;

	register_commands(link, &broker->config.self);
	register_queues(link, &broker->config.self);
	if (!broker->declared)
		declare_tasks(link, broker->config.catalog);
	broker_heartbeat(broker, "online", broker_registered, broker);
}

/*
 * Attaching
 */

static void
broker_claim_undelivered(void *data, const Uuid *id, int32_t delivery)
{
	claims_add(data, id, delivery);
}

static void
broker_check_claims(Broker *broker, const PGresult *result)
{
	const Claims *claims = &broker->claims;
	int			lost = claims_check(claims, result, broker->host.claim_lost,
									broker->host.data);

	if (claims->count > 0)
		log_write(lost > 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
				  "attached again with %d tasks, %d were given to others",
				  claims->count, lost);
}

static void
broker_attached(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	broker->attaching = false;
	if (result == NULL)
		return;
	if (!answer_succeeded(result))
	{
		answer_log_error("attaching to the server", result);
		link_fail(broker->fetch.link, "the worker cannot attach");
		return;
	}
	broker_check_claims(broker, result);
	session_set_ready(&broker->fetch);
	if (!broker->was_ready)
	{
		broker->was_ready = true;
		broker->host.ready(broker->host.data);
	}
}

static void
broker_attach(Broker *broker)
{
	Params	   *params = &broker->params;

	claims_reset(&broker->claims);
	broker->host.list_claims(broker->host.data, &broker->claims);
	outbox_visit(broker->outbox, broker_claim_undelivered, &broker->claims);

	params_reset(params);
	params_text(params, text_of(broker->config.self.worker));
	claims_put(&broker->claims, params);
	broker->attaching = true;
	link_request(broker->fetch.link, &statement_attach, params,
				 broker_attached, broker);
}

/*
 * Fetching
 */

/* Being cancelled is how a wait ends at shutdown. */
static bool
broker_was_cancelled(const PGresult *result)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return sqlstate != NULL && strcmp(sqlstate, "57014") == 0;
}

static void
broker_fetched(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	broker->fetching = false;
	broker->waiting = false;
	if (result == NULL)
		return;
	if (!answer_succeeded(result))
	{
		if (broker_was_cancelled(result))
			return;
		answer_log_error("fetching tasks", result);
		broker->fetch_after = clock_mono() + BROKER_FETCH_PAUSE;
		return;
	}
	broker->may_be_more = PQntuples(result) == broker->asked;
	for (int row = 0; row < PQntuples(result); row++)
	{
		Delivery	delivery = receive_delivery(result, row);

		broker->host.delivered(broker->host.data, &delivery);
	}
}

static void
broker_put_wait(Broker *broker, Params *params, int max)
{
	params_reset(params);
	params_text_array(params, broker->config.self.queues,
					  broker->config.self.nqueues);
	wire_put_int64(&params->bytes,
				   (int64_t) (BROKER_WAIT_SECONDS * CLOCK_SECOND));
	wire_put_int32(&params->bytes, 0);	/* days */
	wire_put_int32(&params->bytes, 0);	/* months */
	params_end(params);
	params_int32(params, max);
}

static void
broker_put_fetch(Broker *broker, Params *params, int max)
{
	params_reset(params);
	params_text(params, text_of(broker->config.self.worker));
	params_text_array(params, broker->config.self.queues,
					  broker->config.self.nqueues);
	params_int32(params, max);
}

/*
 * A wait and the fetch after it are one request: a task that wakes us costs no
 * round trip, and no transaction, more.
 */
void
broker_fetch(Broker *broker, int max)
{
	int64_t		now = clock_mono();

	if (broker->fetching || !broker->fetch.ready || now < broker->fetch_after)
		return;
	broker->fetching = true;
	broker->waiting = !broker->may_be_more ||
		(max >= CELERIAC_MANY && now >= broker->wait_again);
	if (broker->waiting)
		broker->wait_again = now + BROKER_WAIT_AGAIN;
	broker->asked = max;
	broker_put_fetch(broker, &broker->params, max);
	if (!broker->waiting)
	{
		link_request(broker->fetch.link, &statement_fetch, &broker->params,
					 broker_fetched, broker);
		return;
	}
	broker_put_wait(broker, &broker->wait_params, max);
	link_request_both(broker->fetch.link, &statement_wait,
					  &broker->wait_params, &statement_fetch, &broker->params,
					  broker_fetched, broker);
}

bool
broker_is_fetching(const Broker *broker)
{
	return broker->fetching;
}

bool
broker_holds_claims(const Broker *broker)
{
	return broker->fetch.ready;
}

/* A cancel that fails, or arrives before the wait has begun, is lost: so again. */
void
broker_cancel_fetch(Broker *broker)
{
	if (!broker->fetching || !broker->waiting)
	{
		broker->cancel_at = CLOCK_NEVER;
		return;
	}
	link_cancel(broker->fetch.link);
	broker->cancel_at = clock_mono() + broker->cancel_pause;
	if (broker->cancel_pause < BROKER_CANCEL_MAX)
		broker->cancel_pause *= 2;
}

/*
 * Telling
 */

void
broker_outcome(Broker *broker, const Job *job, const Report *report)
{
	outbox_add(broker->outbox, job, report);
}

int
broker_undelivered(const Broker *broker)
{
	return outbox_count(broker->outbox);
}

void
broker_started(Broker *broker, const Job *job, int64_t started_at)
{
	Params	   *params = &broker->params;

	if (!broker->work.ready)
		return;
	params_reset(params);
	params_text(params, text_of(broker->config.self.worker));
	wire_put_array(&params->bytes, WIRE_UUID, 1);
	wire_put_uuid_field(&params->bytes, &job->id);
	params_end(params);
	wire_put_array(&params->bytes, WIRE_TIMESTAMPTZ, 1);
	wire_put_time_field(&params->bytes, started_at);
	params_end(params);
	link_request(broker->work.link, &statement_started, params,
				 answer_ignore, "reporting a start");
}

void
broker_state(Broker *broker, const Job *job, Text state, Text info)
{
	Params	   *params = &broker->params;

	/* of passing interest only: not kept for a connection that may come */
	if (!broker->work.ready)
		return;
	params_reset(params);
	params_uuid(params, &job->id);
	params_text(params, state);
	params_jsonb(params, info);
	link_request(broker->work.link, &statement_update_state, params,
				 answer_ignore, "reporting a task's state");
}

static void
broker_revocation(void *data, const PGresult *result)
{
	Broker	   *broker = data;
	Uuid		id;

	if (result == NULL || !answer_succeeded(result))
	{
		answer_ignore("asking whether a task was revoked", result);
		return;
	}
	if (answer_uuid(result, 0, 0, &id) && !PQgetisnull(result, 0, 1))
		broker->host.revoked(broker->host.data, &id, PQgetvalue(result, 0, 1));
}

void
broker_ask_revoked(Broker *broker, const Uuid *id)
{
	Params	   *params = &broker->params;

	if (!broker->work.ready)
		return;
	params_reset(params);
	params_text(params, text_of(broker->config.self.worker));
	params_uuid(params, id);
	link_request(broker->work.link, &statement_revocation, params,
				 broker_revocation, broker);
}

static void
broker_goodbye_heard(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	answer_ignore("saying goodbye", result);
	broker->left = true;
}

void
broker_leave(Broker *broker)
{
	if (broker->leaving)
		return;
	broker->leaving = true;
	if (broker->work.ready)
		broker_heartbeat(broker, "offline", broker_goodbye_heard, broker);
	else
		broker->left = true;
}

bool
broker_has_left(const Broker *broker)
{
	return broker->left;
}

/*
 * Life
 */

static void
broker_notify(void *data, const char *payload)
{
	Broker	   *broker = data;

	broker->host.command(broker->host.data, payload);
}

static void
broker_init_session(Broker *broker, Session *session, const char *label,
					void (*down) (void *data))
{
	SessionHost host = {
		.greeted = broker_greeted,
		.refused = broker_refused,
		.down = down,
		.notify = broker_notify,
		.data = broker,
	};

	session_init(session, label, broker->config.conninfo,
				 broker->config.self.worker, &host);
}

Broker *
broker_new(const BrokerConfig *config, const BrokerHost *host)
{
	Broker	   *broker = mem_zalloc(sizeof(Broker));

	broker->config = *config;
	broker->host = *host;
	broker_init_session(broker, &broker->fetch, "fetch", broker_fetch_down);
	broker_init_session(broker, &broker->work, "work", broker_work_down);
	broker->outbox = outbox_new(config->self.worker, broker->work.link,
								broker->fetch.link);
	broker->heartbeat_at = CLOCK_NEVER;
	broker->cancel_at = CLOCK_NEVER;
	broker->cancel_pause = BROKER_CANCEL_PAUSE;
	broker->may_be_more = true;
	return broker;
}

void
broker_free(Broker *broker)
{
	link_free(broker->work.link);
	link_free(broker->fetch.link);
	outbox_free(broker->outbox);
	buffer_free(&broker->params.bytes);
	buffer_free(&broker->wait_params.bytes);
	claims_free(&broker->claims);
	free(broker);
}

void
broker_fds(Broker *broker, struct pollfd fds[BROKER_FDS])
{
	link_fd(broker->fetch.link, &fds[0]);
	link_fd(broker->work.link, &fds[1]);
}

void
broker_handle(Broker *broker, const struct pollfd fds[BROKER_FDS])
{
	link_handle(broker->fetch.link, &fds[0]);
	link_handle(broker->work.link, &fds[1]);
}

/* FETCH helps to deliver, but nothing may be sent behind a wait. */
static int64_t
broker_deliver_outcomes(Broker *broker, bool more_soon, int64_t now)
{
	OutboxState state = {
		.outcome_type = broker->work.outcome_type,
		.more_soon = more_soon,
		.second_free = !broker->waiting,
	};

	if (!broker->work.ready || !broker->fetch.ready)
		return CLOCK_NEVER;
	return outbox_send(broker->outbox, &state, now);
}

int64_t
broker_tick(Broker *broker, bool more_soon, int64_t now)
{
	int64_t		next = clock_earlier(link_tick(broker->fetch.link, now),
									 link_tick(broker->work.link, now));

	next = clock_earlier(next, broker_deliver_outcomes(broker, more_soon, now));
	if (broker->work.ready && !broker->leaving && now >= broker->heartbeat_at)
		broker_heartbeat(broker, "online", answer_ignore, "heartbeat");
	if (broker->work.ready)
		next = clock_earlier(next, broker->heartbeat_at);
	if (broker->fetch_after > now)
		next = clock_earlier(next, broker->fetch_after);
	if (now >= broker->cancel_at)
		broker_cancel_fetch(broker);
	return clock_earlier(next, broker->cancel_at);
}

void
broker_abandon(Broker *broker)
{
	link_abandon(broker->fetch.link);
	link_abandon(broker->work.link);
}
