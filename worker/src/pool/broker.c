/*
 * broker.c
 *		The worker's dealings with the server.
 *
 * A connection that comes up is greeted (is the extension here? may we
 * write?).  WORK then registers the worker, listens for commands and, once,
 * declares the tasks.  FETCH then attaches: it names the tasks that are still
 * running or finished but not delivered, and the server makes their claims its
 * own again.  Only after that are outcomes sent and tasks fetched, so nothing
 * this worker still has can be given to another one in between.
 */
#include "pool/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pool/outbox.h"
#include "sdk/shared.h"

/* idle waits end after this long, and begin again */
#define BROKER_WAIT_SECONDS	300.0

/* after a fetch that failed */
#define BROKER_FETCH_PAUSE	CLOCK_SECOND

/* how often a fetch of many asks whether it is its turn */
#define BROKER_WAIT_AGAIN	(100 * CLOCK_MS)

/* between attempts to end a wait */
#define BROKER_CANCEL_PAUSE	(200 * CLOCK_MS)

/* One of the two connections with what was learnt about its session. */
typedef struct Session
{
	struct Broker *broker;
	Link	   *link;
	bool		greeted;
	bool		ready;			/* WORK: registered; FETCH: attached */
} Session;

struct Broker
{
	BrokerConfig config;
	BrokerHost	host;
	Session		fetch;
	Session		work;
	Outbox	   *outbox;
	Params		params;			/* scratch */
	Params		wait_params;
	unsigned	outcome_type;	/* oid of task_outcome */
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

	int64_t		heartbeat_at;
	bool		leaving;
	bool		left;

	Buffer		claim_ids;		/* elements of the arrays of task_attach() */
	Buffer		claim_deliveries;
	Uuid	   *claims;
	int			nclaims;
};

/*
 * Errors
 */

static bool
broker_succeeded(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The message without the newline that libpq ends it with. */
static void
broker_log_error(const char *what, const PGresult *result)
{
	const char *message = PQresultErrorMessage(result);
	size_t		length = strcspn(message, "\n");

	log_write(LOG_LEVEL_ERROR, "%s: %.*s", what, (int) length, message);
}

/* An answer that matters to nobody, unless it is an error. */
static void
broker_ignore_answer(void *data, const PGresult *result)
{
	if (result != NULL && !broker_succeeded(result))
		broker_log_error(data, result);
}

/*
 * Greeting
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
broker_refuse(Broker *broker, Link *link, const char *reason)
{
	/* at the start somebody should know; later it may be a restore or a drop */
	if (!broker->was_ready)
		broker->host.fatal(broker->host.data, reason);
	link_fail(link, reason);
}

static void
broker_greeted(void *data, const PGresult *result)
{
	Session    *session = data;
	Broker	   *broker = session->broker;

	if (result == NULL)
		return;
	if (!broker_succeeded(result))
	{
		broker_log_error("greeting the server", result);
		link_fail(session->link, "the session cannot be set up");
	}
	else if (PQntuples(result) == 0 || PQgetisnull(result, 0, GREET_OUTCOME_TYPE))
		broker_refuse(broker, session->link,
					  "the extension celeriac is not installed in this database (run CREATE EXTENSION celeriac)");
	else if (PQgetvalue(result, 0, GREET_IN_RECOVERY)[0] != 0)
		link_fail(session->link, "the server is a standby");
	else
	{
		broker->outcome_type = (unsigned)
			wire_get_int32(PQgetvalue(result, 0, GREET_OUTCOME_TYPE));
		session->greeted = true;
		broker_proceed(broker);
	}
}

static void
broker_link_up(void *data)
{
	Session    *session = data;

	params_reset(&session->broker->params);
	link_request(session->link, &statement_greet, &session->broker->params,
				 broker_greeted, session);
}

static void
broker_link_down(void *data)
{
	Session    *session = data;

	session->greeted = false;
	session->ready = false;
	if (session == &session->broker->fetch)
	{
		session->broker->attaching = false;
		session->broker->may_be_more = true;
	}
	else if (session->broker->leaving)
		session->broker->left = true;
}

/*
 * Registering
 */

static void
broker_heartbeat(Broker *broker, const char *state, LinkAnswer answer,
				 void *data)
{
	Params	   *params = &broker->params;
	char		info[64];

	snprintf(info, sizeof(info), "{\"pid\":%d}", (int) getpid());
	params_reset(params);
	params_text(params, text_of(broker->config.worker));
	params_text_array(params, broker->config.queues,
					  broker->config.nqueues);
	params_int32(params, broker->config.concurrency);
	params_text(params, text_of(state));
	params_jsonb(params, text_of(info));
	link_request(broker->work.link, &statement_heartbeat, params, answer,
				 data);
	if (broker->config.heartbeat_interval > 0)
		broker->heartbeat_at = clock_mono() +
			broker->config.heartbeat_interval;
}

/* Options of a task that its module set, as arguments of task_define(). */
typedef struct Declaration
{
	char		sql[1024];
	size_t		length;
	char		values[16][32];
	const char *params[16];
	int			nparams;
} Declaration;

static void
declare_option(Declaration *d, const char *name, const char *type,
			   const char *value)
{
	if (value == NULL)
		return;
	d->params[d->nparams++] = value;
	d->length += (size_t) snprintf(d->sql + d->length,
								   sizeof(d->sql) - d->length,
								   ", %s => $%d::%s", name, d->nparams, type);
}

static void
declare_number(Declaration *d, const char *name, const char *type,
			   double value, const char *unit)
{
	char	   *text = d->values[d->nparams];

	if (value == TASK_UNSET)
		return;
	snprintf(text, sizeof(d->values[0]), "%.9g%s", value, unit);
	declare_option(d, name, type, text);
}

static void
declare_truth(Declaration *d, const char *name, int value)
{
	if (value != TASK_UNSET)
		declare_option(d, name, "boolean", value ? "true" : "false");
}

/* TASK_NO_LIMIT is no number in SQL. */
static void
declare_max_retries(Declaration *d, int value)
{
	if (value == TASK_NO_LIMIT)
		declare_option(d, "max_retries", "integer", "-1");
	else
		declare_number(d, "max_retries", "integer", value, "");
}

static void
declare_definition(Declaration *d, const task_definition *definition,
				   char *autoretry, size_t autoretry_size)
{
	declare_option(d, "queue", "text", definition->queue);
	declare_number(d, "priority", "integer", definition->priority, "");
	declare_max_retries(d, definition->max_retries);
	declare_number(d, "retry_delay", "interval", definition->retry_delay, " s");
	declare_number(d, "retry_backoff", "float8", definition->retry_backoff, "");
	declare_number(d, "retry_backoff_max", "interval",
				   definition->retry_backoff_max, " s");
	declare_truth(d, "retry_jitter", definition->retry_jitter);
	declare_number(d, "soft_time_limit", "interval",
				   definition->soft_time_limit, " s");
	declare_number(d, "time_limit", "interval", definition->time_limit, " s");
	declare_truth(d, "acks_late", definition->acks_late);
	declare_number(d, "max_deliveries", "integer",
				   definition->max_deliveries, "");
	declare_truth(d, "ignore_result", definition->ignore_result);
	declare_truth(d, "track_started", definition->track_started);
	if (definition->autoretry_for != NULL)
	{
		snprintf(autoretry, autoretry_size, "{%s}", definition->autoretry_for);
		declare_option(d, "autoretry_for", "text[]", autoretry);
	}
}

static void
broker_declare(Broker *broker, const char *name,
			   const task_definition *definition)
{
	Declaration d = {.params = {name}, .nparams = 1};
	char		autoretry[512];

	d.length = (size_t) snprintf(d.sql, sizeof(d.sql), "%s",
								 STATEMENT_DEFINE_START);
	if (definition != NULL)
		declare_definition(&d, definition, autoretry, sizeof(autoretry));
	snprintf(d.sql + d.length, sizeof(d.sql) - d.length, "%s",
			 STATEMENT_DEFINE_END);
	link_query(broker->work.link, d.sql, d.nparams, d.params,
			   broker_ignore_answer, "declaring a task");
}

static void
broker_declare_all(Broker *broker)
{
	for (size_t i = 0; i < module_task_count(broker->config.modules); i++)
	{
		const ModuleTask *task = module_task_at(broker->config.modules, i);

		broker_declare(broker, task->name, task->definition);
	}
	for (size_t i = 0; i < broker->config.nprograms; i++)
		broker_declare(broker, broker->config.programs[i].name, NULL);
	broker->declared = true;
}

static void
broker_channel_known(void *data, const PGresult *result)
{
	Broker	   *broker = data;
	char		sql[256];

	if (result == NULL || !broker_succeeded(result) || PQntuples(result) == 0)
	{
		broker_ignore_answer("asking for the name of the command channel",
							 result);
		return;
	}
	snprintf(sql, sizeof(sql), "%s%s", STATEMENT_LISTEN,
			 PQgetvalue(result, 0, 0));
	link_query(broker->work.link, sql, 0, NULL, broker_ignore_answer,
			   "listening for commands");
}

static void
broker_create_queues(Broker *broker)
{
	Params	   *params = &broker->params;

	for (int i = 0; i < broker->config.nqueues; i++)
	{
		params_reset(params);
		params_text(params, text_of(broker->config.queues[i]));
		link_request(broker->work.link, &statement_create_queue, params,
					 broker_ignore_answer, "creating a queue");
	}
}

static void
broker_registered(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	if (result == NULL)
		return;
	if (!broker_succeeded(result))
	{
		broker_log_error("registering the worker", result);
		link_fail(broker->work.link, "the worker cannot be registered");
		return;
	}
	broker->work.ready = true;
	link_succeeded(broker->work.link);
	broker_proceed(broker);
}

static void
broker_register(Broker *broker)
{
	Params	   *params = &broker->params;

	params_reset(params);
	params_text(params, text_of(broker->config.worker));
	link_request(broker->work.link, &statement_channel, params,
				 broker_channel_known, broker);
	broker_create_queues(broker);
	if (!broker->declared)
		broker_declare_all(broker);
	broker_heartbeat(broker, "online", broker_registered, broker);
}

/*
 * Attaching
 */

void
broker_claims_add(Broker *broker, const Uuid *id, int32_t delivery)
{
	wire_put_uuid_field(&broker->claim_ids, id);
	wire_put_int32_field(&broker->claim_deliveries, delivery);
	broker->claims = mem_realloc(broker->claims,
								 (size_t) (broker->nclaims + 1) * sizeof(Uuid));
	broker->claims[broker->nclaims++] = *id;
}

static void
broker_claim_undelivered(void *data, const Uuid *id, int32_t delivery)
{
	broker_claims_add(data, id, delivery);
}

static int
broker_compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(Uuid));
}

/* Tell which of the claims we named are not among those granted. */
static void
broker_check_claims(Broker *broker, const PGresult *result)
{
	Uuid	   *granted = mem_alloc((size_t) broker->nclaims * sizeof(Uuid));
	int			ngranted = 0;
	int			lost = 0;

	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		ngranted = wire_get_uuid_array(PQgetvalue(result, 0, 0),
									   (size_t) PQgetlength(result, 0, 0),
									   granted, broker->nclaims);
	if (ngranted > 0)
		qsort(granted, (size_t) ngranted, sizeof(Uuid), broker_compare_uuids);
	for (int i = 0; i < broker->nclaims; i++)
	{
		if (ngranted > 0 &&
			bsearch(&broker->claims[i], granted, (size_t) ngranted,
					sizeof(Uuid), broker_compare_uuids) != NULL)
			continue;
		lost++;
		broker->host.claim_lost(broker->host.data, &broker->claims[i]);
	}
	free(granted);
	if (broker->nclaims > 0)
		log_write(lost > 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
				  "attached again with %d tasks, %d were given to others",
				  broker->nclaims, lost);
}

static void
broker_attached(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	broker->attaching = false;
	if (result == NULL)
		return;
	if (!broker_succeeded(result))
	{
		broker_log_error("attaching to the server", result);
		link_fail(broker->fetch.link, "the worker cannot attach");
		return;
	}
	broker_check_claims(broker, result);
	broker->fetch.ready = true;
	link_succeeded(broker->fetch.link);
	if (!broker->was_ready)
	{
		broker->was_ready = true;
		broker->host.ready(broker->host.data);
	}
}

static void
broker_put_claims(Buffer *bytes, unsigned type, int count, Buffer *elements)
{
	wire_put_array(bytes, type, count);
	buffer_append(bytes, buffer_head(elements), buffer_length(elements));
	buffer_consume(elements, buffer_length(elements));
}

static void
broker_attach(Broker *broker)
{
	Params	   *params = &broker->params;

	broker->nclaims = 0;
	broker->host.list_claims(broker->host.data);
	outbox_visit(broker->outbox, broker_claim_undelivered, broker);

	params_reset(params);
	params_text(params, text_of(broker->config.worker));
	broker_put_claims(&params->bytes, WIRE_UUID, broker->nclaims,
					  &broker->claim_ids);
	params_end(params);
	broker_put_claims(&params->bytes, WIRE_INT4, broker->nclaims,
					  &broker->claim_deliveries);
	params_end(params);
	broker->attaching = true;
	link_request(broker->fetch.link, &statement_attach, params,
				 broker_attached, broker);
}

/*
 * Fetching
 */

static Text
broker_text(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return TEXT_NULL;
	return (Text) {PQgetvalue(result, row, column),
				   (size_t) PQgetlength(result, row, column)};
}

static Text
broker_jsonb(const PGresult *result, int row, int column)
{
	Text		value = broker_text(result, row, column);

	return value.data ? wire_get_jsonb(value.data, value.length) : value;
}

static bool
broker_uuid(const PGresult *result, int row, int column, Uuid *uuid)
{
	if (PQgetisnull(result, row, column))
	{
		memset(uuid, 0, sizeof(*uuid));
		return false;
	}
	*uuid = wire_get_uuid(PQgetvalue(result, row, column));
	return true;
}

static int32_t
broker_int32(const PGresult *result, int row, int column, int32_t null_value)
{
	if (PQgetisnull(result, row, column))
		return null_value;
	return wire_get_int32(PQgetvalue(result, row, column));
}

static void
broker_deliver(Broker *broker, const PGresult *result, int row)
{
	Delivery	delivery = {
		.delivery = broker_int32(result, row, FETCH_DELIVERY, 0),
		.name = broker_text(result, row, FETCH_NAME),
		.queue = broker_text(result, row, FETCH_QUEUE),
		.args = broker_jsonb(result, row, FETCH_ARGS),
		.kwargs = broker_jsonb(result, row, FETCH_KWARGS),
		.options = broker_jsonb(result, row, FETCH_OPTIONS),
		.priority = broker_int32(result, row, FETCH_PRIORITY, 0),
		.retries = broker_int32(result, row, FETCH_RETRIES, 0),
		.max_retries = broker_int32(result, row, FETCH_MAX_RETRIES,
									TASK_NO_LIMIT),
	};

	broker_uuid(result, row, FETCH_ID, &delivery.id);
	delivery.has_root = broker_uuid(result, row, FETCH_ROOT_ID,
									&delivery.root_id);
	delivery.has_parent = broker_uuid(result, row, FETCH_PARENT_ID,
									  &delivery.parent_id);
	delivery.has_group = broker_uuid(result, row, FETCH_GROUP_ID,
									 &delivery.group_id);
	if (delivery.name.data == NULL)
		delivery.name = text_of("");
	broker->host.delivered(broker->host.data, &delivery);
}

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
	if (!broker_succeeded(result))
	{
		if (broker_was_cancelled(result))
			return;
		broker_log_error("fetching tasks", result);
		broker->fetch_after = clock_mono() + BROKER_FETCH_PAUSE;
		return;
	}
	broker->may_be_more = PQntuples(result) == broker->asked;
	for (int row = 0; row < PQntuples(result); row++)
		broker_deliver(broker, result, row);
}

static void
broker_put_wait(Broker *broker, Params *params, int max)
{
	params_reset(params);
	params_text_array(params, broker->config.queues,
					  broker->config.nqueues);
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
	params_text(params, text_of(broker->config.worker));
	params_text_array(params, broker->config.queues,
					  broker->config.nqueues);
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
broker_would_wait(const Broker *broker)
{
	return !broker->may_be_more;
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

/* A cancel that arrives before the wait has begun is lost: so again and again. */
void
broker_cancel_fetch(Broker *broker)
{
	if (!broker->fetching || !broker->waiting)
	{
		broker->cancel_at = CLOCK_NEVER;
		return;
	}
	link_cancel(broker->fetch.link);
	broker->cancel_at = clock_mono() + BROKER_CANCEL_PAUSE;
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
	params_text(params, text_of(broker->config.worker));
	wire_put_array(&params->bytes, WIRE_UUID, 1);
	wire_put_uuid_field(&params->bytes, &job->id);
	params_end(params);
	wire_put_array(&params->bytes, WIRE_TIMESTAMPTZ, 1);
	wire_put_time_field(&params->bytes, started_at);
	params_end(params);
	link_request(broker->work.link, &statement_started, params,
				 broker_ignore_answer, "reporting a start");
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
				 broker_ignore_answer, "reporting a task's state");
}

static void
broker_revocation(void *data, const PGresult *result)
{
	Broker	   *broker = data;
	Uuid		id;

	if (result == NULL || !broker_succeeded(result))
	{
		broker_ignore_answer("asking whether a task was revoked", result);
		return;
	}
	if (broker_uuid(result, 0, 0, &id) && !PQgetisnull(result, 0, 1))
		broker->host.revoked(broker->host.data, &id, PQgetvalue(result, 0, 1));
}

void
broker_ask_revoked(Broker *broker, const Uuid *id)
{
	Params	   *params = &broker->params;

	if (!broker->work.ready)
		return;
	params_reset(params);
	params_text(params, text_of(broker->config.worker));
	params_uuid(params, id);
	link_request(broker->work.link, &statement_revocation, params,
				 broker_revocation, broker);
}

static void
broker_goodbye_heard(void *data, const PGresult *result)
{
	Broker	   *broker = data;

	broker_ignore_answer("saying goodbye", result);
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
	Session    *session = data;

	session->broker->host.command(session->broker->host.data, payload);
}

static void
broker_init_session(Broker *broker, Session *session, const char *label)
{
	LinkHost	host = {
		.up = broker_link_up,
		.down = broker_link_down,
		.notify = broker_notify,
		.data = session,
	};

	session->broker = broker;
	session->link = link_new(label, broker->config.conninfo,
							 broker->config.worker, &host);
}

Broker *
broker_new(const BrokerConfig *config, const BrokerHost *host)
{
	Broker	   *broker = mem_zalloc(sizeof(Broker));

	broker->config = *config;
	broker->host = *host;
	broker_init_session(broker, &broker->fetch, "fetch");
	broker_init_session(broker, &broker->work, "work");
	broker->outbox = outbox_new(config->worker, broker->work.link,
								broker->fetch.link);
	broker->heartbeat_at = CLOCK_NEVER;
	broker->cancel_at = CLOCK_NEVER;
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
	buffer_free(&broker->claim_ids);
	buffer_free(&broker->claim_deliveries);
	free(broker->claims);
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

static int64_t
broker_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* FETCH helps to deliver, but nothing may be sent behind a wait. */
static int64_t
broker_deliver_outcomes(Broker *broker, bool more_soon, int64_t now)
{
	OutboxState state = {
		.outcome_type = broker->outcome_type,
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
	int64_t		next = broker_earlier(link_tick(broker->fetch.link, now),
									  link_tick(broker->work.link, now));

	next = broker_earlier(next, broker_deliver_outcomes(broker, more_soon, now));
	if (broker->work.ready && !broker->leaving && now >= broker->heartbeat_at)
		broker_heartbeat(broker, "online", broker_ignore_answer, "heartbeat");
	if (broker->work.ready)
		next = broker_earlier(next, broker->heartbeat_at);
	if (broker->fetch_after > now)
		next = broker_earlier(next, broker->fetch_after);
	if (now >= broker->cancel_at)
		broker_cancel_fetch(broker);
	return broker_earlier(next, broker->cancel_at);
}

void
broker_abandon(Broker *broker)
{
	link_abandon(broker->fetch.link);
	link_abandon(broker->work.link);
}
