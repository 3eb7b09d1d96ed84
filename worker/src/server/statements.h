/*
 * statements.h
 *		Every SQL statement of the worker.
 *
 * They run with the extension's schema as search_path (STATEMENT_GREET sets
 * it).  Parameters and results are binary, see wire.h.
 */
#ifndef CELERIAC_WORKER_SERVER_STATEMENTS_H
#define CELERIAC_WORKER_SERVER_STATEMENTS_H

#include "sdk/shared.h"
#include "server/wire.h"

#define STATEMENT_PARAMS_MAX 5

typedef struct Statement
{
	const char *name;			/* to prepare it under; NULL = run as it is */
	const char *sql;
	int			nparams;
	unsigned	types[STATEMENT_PARAMS_MAX];	/* 0 = the server infers */
} Statement;

/*
 * The first statement of a connection: is the extension here, and may we write?
 * Also makes the session independent of what its role or database set.
 *
 * A database in SQL_ASCII does not check what it stores, but would check what it
 * sends in UTF-8: one bad text would fail the whole fetch, again and again.  So
 * it sends text as it is, and the child that runs the task checks it (child.c).
 */
#define STATEMENT_GREET \
	"SELECT e.extversion," \
	" (SELECT t.oid FROM pg_catalog.pg_type t" \
	"   WHERE t.typname = 'task_outcome' AND t.typnamespace = n.oid)," \
	" pg_catalog.pg_is_in_recovery()," \
	" pg_catalog.set_config('search_path', pg_catalog.quote_ident(n.nspname) || ', pg_temp', false)," \
	" pg_catalog.set_config('client_encoding', CASE pg_catalog.current_setting('server_encoding')" \
	"   WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false)," \
	" pg_catalog.set_config('statement_timeout', '0', false)," \
	" pg_catalog.set_config('lock_timeout', '0', false)," \
	" pg_catalog.set_config('idle_session_timeout', '0', false)," \
	" pg_catalog.set_config('idle_in_transaction_session_timeout', '0', false)," \
	" pg_catalog.set_config('default_transaction_isolation', 'read committed', false)," \
	" pg_catalog.set_config('default_transaction_read_only', 'off', false)," \
	" pg_catalog.set_config('tcp_keepalives_idle', '30', false)," \
	" pg_catalog.set_config('tcp_keepalives_interval', '10', false)," \
	" pg_catalog.set_config('tcp_keepalives_count', '3', false)" \
	" FROM pg_catalog.pg_extension e" \
	" JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace" \
	" WHERE e.extname = 'celeriac'"

enum
{
	GREET_VERSION,
	GREET_OUTCOME_TYPE,
	GREET_IN_RECOVERY
};

static const Statement statement_greet = {
	.sql = STATEMENT_GREET,
};

/* worker, queues, concurrency, state, info */
static const Statement statement_heartbeat = {
	.name = "celeriac_heartbeat",
	.sql = "SELECT task_heartbeat($1, $2, $3, $4, $5)",
	.nparams = 5,
	.types = {WIRE_TEXT, WIRE_TEXT_ARRAY, WIRE_INT4, WIRE_TEXT, WIRE_JSONB},
};

/* queue; a queue that nobody ever used cannot be fetched from */
static const Statement statement_create_queue = {
	.sql = "SELECT task_queue_create($1)",
	.nparams = 1,
	.types = {WIRE_TEXT},
};

/* commands for one worker */
static const Statement statement_channel = {
	.sql = "SELECT pg_catalog.quote_ident('" CELERIAC_WORKER_CHANNEL "' || pg_catalog.md5($1))",
	.nparams = 1,
	.types = {WIRE_TEXT},
};

/* followed by the channel */
#define STATEMENT_LISTEN "LISTEN "

/* queues, timeout, max */
static const Statement statement_wait = {
	.name = "celeriac_wait",
	.sql = "CALL task_wait($1, $2, $3)",
	.nparams = 3,
	.types = {WIRE_TEXT_ARRAY, WIRE_INTERVAL, WIRE_INT4},
};

/* worker, queues, max */
static const Statement statement_fetch = {
	.name = "celeriac_fetch",
	.sql = "SELECT id, delivery, name, queue, args, kwargs, options, priority,"
	" retries, max_retries, root_id, parent_id, group_id"
	" FROM task_fetch($1, $2, $3, interval '0', NULL)",
	.nparams = 3,
	.types = {WIRE_TEXT, WIRE_TEXT_ARRAY, WIRE_INT4},
};

enum
{
	FETCH_ID,
	FETCH_DELIVERY,
	FETCH_NAME,
	FETCH_QUEUE,
	FETCH_ARGS,
	FETCH_KWARGS,
	FETCH_OPTIONS,
	FETCH_PRIORITY,
	FETCH_RETRIES,
	FETCH_MAX_RETRIES,
	FETCH_ROOT_ID,
	FETCH_PARENT_ID,
	FETCH_GROUP_ID
};

/* worker, ids, deliveries; one row: an array of the ids granted, or NULL */
static const Statement statement_attach = {
	.name = "celeriac_attach",
	.sql = "SELECT pg_catalog.array_agg(granted) FROM task_attach($1, $2, $3) AS granted",
	.nparams = 3,
	.types = {WIRE_TEXT, WIRE_UUID_ARRAY, WIRE_INT4_ARRAY},
};

/* worker, outcomes; one row: an array of the ids accepted, or NULL */
static const Statement statement_finish = {
	.name = "celeriac_finish",
	.sql = "SELECT pg_catalog.array_agg(accepted) FROM task_finish($1, $2::task_outcome[]) AS accepted",
	.nparams = 2,
	.types = {WIRE_TEXT, 0},
};

/* worker, outcomes, children of each; the same answer */
static const Statement statement_finish_sending = {
	.name = "celeriac_finish_sending",
	.sql = "SELECT pg_catalog.array_agg(accepted) FROM task_finish_sending($1, $2::task_outcome[], $3) AS accepted",
	.nparams = 3,
	.types = {WIRE_TEXT, 0, WIRE_JSONB_ARRAY},
};

/* worker, ids, times */
static const Statement statement_started = {
	.name = "celeriac_started",
	.sql = "SELECT task_started($1, $2, $3)",
	.nparams = 3,
	.types = {WIRE_TEXT, WIRE_UUID_ARRAY, WIRE_TIMESTAMPTZ_ARRAY},
};

/* worker, id; the id again, and the signal it was revoked with */
static const Statement statement_revocation = {
	.name = "celeriac_revocation",
	.sql = "SELECT $2, task_revocation($1, $2)",
	.nparams = 2,
	.types = {WIRE_TEXT, WIRE_UUID},
};

/* id, state, info */
static const Statement statement_update_state = {
	.name = "celeriac_update_state",
	.sql = "SELECT task_update_state($1, $2, $3)",
	.nparams = 3,
	.types = {WIRE_UUID, WIRE_TEXT, WIRE_JSONB},
};

/*
 * Declaring a task.  Only options the module set are named, so that the
 * server's defaults stand for the others: this is the start, then comes
 * ", option => $n::type" for each, then the end.  Text parameters.
 */
#define STATEMENT_DEFINE_START	"SELECT task_define($1"
#define STATEMENT_DEFINE_END	", if_not_exists => true)"

#endif							/* CELERIAC_WORKER_SERVER_STATEMENTS_H */
