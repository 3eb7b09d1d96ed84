/*
 * statement.c
 *		Every SQL statement of the extension's C code.
 *
 * They run with the extension's schema as search_path, as its owner, with a
 * fresh snapshot (exec.c).  The planner gets no choice where a wrong one would
 * hurt: it is told that the tables are large.
 */
#include "session/statement.h"

#include "catalog/pg_type.h"

#include "base/delivery.h"
#include "base/relation.h"
#include "celeriac/options.h"

/* all columns, in the table's order */
#define SEND \
	"INSERT INTO task_message VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, " \
	"$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"

StaticAssertDecl(MESSAGE_COLUMN_COUNT == 23, "SEND has as many parameters as there are columns");

#define COLUMN_TYPE(name, type) type,
#define SEND_TYPES {CELERIAC_MESSAGE_COLUMNS(COLUMN_TYPE)}

/* the options of a definition, after other columns */
#define SELECT_text(name) ", " #name
#define SELECT_texts(name) ", " #name
#define SELECT_integer(name) ", " #name "::int"
#define SELECT_boolean(name) ", " #name
#define SELECT_float8(name) ", " #name
#define SELECT_interval(name) ", extract(epoch FROM " #name ")::float8"

#define SELECTED(name, kind, definition, unset, send, signature) \
	CELERIAC_DEFINED_##definition(SELECT_##kind(name))

/* what the message m still waits for, from the rows */
#define LEFT_OF_M \
	"(SELECT count(*)::int FROM task_edge e JOIN task_message s ON s.id = e.source " \
	"WHERE e.target = m.id)"

/* a group that is not complete will look for the result of its member */
#define NOBODY_WAITS \
	"NOT EXISTS (SELECT FROM task_edge e JOIN task_message t ON t.id = e.target " \
	"WHERE e.source = $1)"

/* of the nodes n: those that wait, those leased, the others */
#define UNFINISHED_OF_N \
	"SELECT DISTINCT m.id, m.waiting > 0, " \
	"coalesce(m.leased_until > clock_timestamp(), false) " \
	"FROM n JOIN task_message m ON m.id = n.id ORDER BY m.id"

/* a time so far away that it would be an error must not keep others from ending */
#define SECONDS_OF_M(option) \
	"CASE WHEN (m.options ->> '" option "')::float8 > 3e9 THEN 3e9 " \
	"ELSE (m.options ->> '" option "')::float8 END"

/* countdown of a task that waits for others counts from when it can run */
#define RELEASED_ETA \
	"coalesce(clock_timestamp() + " \
	"make_interval(secs => " SECONDS_OF_M("countdown") "), m.eta)"

/*
 * Against the row as it is when its lock is had: nothing has been applied to
 * it, and it has not been handed out again, since this delivery (0 = none, the
 * claim is this transaction's).  A claim that was lost while the statement
 * waited, and its task requeued, does not count; nor does a loss when the
 * outcome of the lost worker came first.
 */
#define DELIVERY_IS_CURRENT \
	"(o.delivery = 0 OR m.deliveries + (m.worker IS NULL)::int = o.delivery)"

/*
 * Results in a segment that a canvas waits for: found from what waits, which
 * is less than what has ever waited.
 */
#define WANTED_RESULTS(number) \
	"SELECT w.ctid FROM task_message t, " \
	"LATERAL (SELECT e.source FROM task_edge e WHERE e.target = t.id OFFSET 0) e, " \
	"LATERAL (SELECT r.ctid FROM ONLY task_result_" #number " r " \
	"WHERE r.id = e.source OFFSET 0) w WHERE t.waiting > 0 GROUP BY w.ctid"

/* a column of a result, from the message m and the parameters o */
#define ENDED_key(name) "m." #name
#define ENDED_message(name) ", m." #name
#define ENDED_either(name) ", coalesce(o." #name ", m." #name ") AS " #name
#define ENDED_end(name) ", " ENDED_##name " AS " #name
#define ENDED(name, type, source) ENDED_##source(name)

#define ENDED_state "o.state"
#define ENDED_result \
	"CASE WHEN m.options @> '{\"ignore_result\": true}' THEN NULL ELSE o.result END"
#define ENDED_exc_type "o.exc_type"
#define ENDED_exc_message "o.exc_message"
#define ENDED_traceback "o.traceback"
#define ENDED_done_at "$10"
#define ENDED_options "nullif(m.options - 'info', '{}')"

/* messages that end, deleted, as the results they become */
#define ENDED_MESSAGES \
	"WITH o AS MATERIALIZED (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) " \
	"AS o(id, state, result, exc_type, exc_message, traceback, started_at, worker, " \
	"delivery)), " \
	"d AS (DELETE FROM task_message m USING o WHERE m.id = o.id " \
	"AND " DELIVERY_IS_CURRENT " RETURNING " CELERIAC_RESULT_COLUMNS(ENDED) ") "

#define ENDED_TYPES \
	{UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TEXTARRAYOID, \
	TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID}

const CelStatementText celeriac_statements[STMT_COUNT] = {
	[STMT_SEND] = {SEND, MESSAGE_COLUMN_COUNT, SEND_TYPES},
	[STMT_SEND_WITH_ID] = {
		SEND " ON CONFLICT (id) DO NOTHING",
		MESSAGE_COLUMN_COUNT, SEND_TYPES
	},
	[STMT_ID_TAKEN] = {
		"SELECT 1 FROM task_message WHERE id = $1 "
		"AND tableoid <> 'task_message'::regclass "
		"UNION ALL SELECT 1 FROM task_result WHERE id = $1",
		1, {UUIDOID}
	},
	[STMT_DEFINITION] = {
		"SELECT function" CELERIAC_TASK_OPTIONS(SELECTED) " "
		"FROM task_definition WHERE name = $1",
		1, {TEXTOID}
	},
	[STMT_QUEUE] = {
		"SELECT paused FROM task_queue WHERE name = $1",
		1, {TEXTOID}
	},
	[STMT_QUEUE_CREATE] = {
		"INSERT INTO task_queue (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
		1, {TEXTOID}
	},
	/* a loose scan of the dispatch index: one probe per priority in use */
	[STMT_PRIORITIES] = {
		"WITH RECURSIVE p(priority) AS ("
		"(SELECT priority FROM task_message WHERE queue = $1 AND ready IS NOT NULL "
		"ORDER BY priority DESC LIMIT 1) "
		"UNION ALL SELECT (SELECT m.priority FROM task_message m WHERE m.queue = $1 "
		"AND m.priority < p.priority AND m.ready IS NOT NULL "
		"ORDER BY m.priority DESC LIMIT 1) FROM p WHERE p.priority IS NOT NULL) "
		"SELECT priority::int FROM p WHERE priority IS NOT NULL",
		1, {TEXTOID}
	},

	/*
	 * A worker in the row: a lease, or begun by a session although acks_late
	 * is false.  The latter outlives a crash of the server, and must not be
	 * given to anybody before the coordinator ends it.
	 */
	[STMT_FETCH_READ] = {
		"SELECT m.* FROM task_message m WHERE m.id = ANY ($1) "
		"AND m.ready IS NOT NULL AND m.worker IS NULL "
		"ORDER BY m.priority DESC, m.ready",
		1, {UUIDARRAYOID}
	},
	[STMT_FETCH_LEASE] = {
		"WITH p AS MATERIALIZED (SELECT id FROM task_message WHERE id = ANY ($1) "
		"AND ready IS NOT NULL AND worker IS NULL "
		"ORDER BY priority DESC, ready FOR UPDATE SKIP LOCKED) "
		"UPDATE task_message m SET worker = $2, leased_until = $3, "
		"deliveries = m.deliveries + 1, "
		"state = CASE WHEN m.options @> '{\"acks_late\": false}' "
		"THEN 'STARTED' ELSE 'RECEIVED' END, "
		"started_at = CASE WHEN m.options @> '{\"acks_late\": false}' "
		"THEN clock_timestamp() END "
		"FROM p WHERE m.id = p.id RETURNING m.*",
		3, {UUIDARRAYOID, TEXTOID, TIMESTAMPTZOID}
	},
	/* acks_late => false: durable before it starts */
	[STMT_FETCH_MARK] = {
		"UPDATE task_message SET worker = $2, state = 'STARTED', "
		"deliveries = deliveries + 1, started_at = clock_timestamp() "
		"WHERE id = ANY ($1)",
		2, {UUIDARRAYOID, TEXTOID}
	},
	[STMT_READ_ROW] = {
		"SELECT m.* FROM task_message m WHERE m.id = ANY ($1) "
		"ORDER BY m.id FOR UPDATE",
		1, {UUIDARRAYOID}
	},
	/* those that no transaction holds locked */
	[STMT_READ_ROW_FREE] = {
		"SELECT m.* FROM task_message m WHERE m.id = ANY ($1) "
		"ORDER BY m.id FOR UPDATE SKIP LOCKED",
		1, {UUIDARRAYOID}
	},
	[STMT_READ_LEASED] = {
		"SELECT m.* FROM task_message m WHERE m.id = ANY ($1) "
		"AND m.leased_until IS NOT NULL ORDER BY m.id FOR UPDATE",
		1, {UUIDARRAYOID}
	},
	/* of what a task sends: its claim keeps them as they are */
	[STMT_PARENTS] = {
		"SELECT id, coalesce(root_id, id), sent_by FROM task_message WHERE id = ANY ($1)",
		1, {UUIDARRAYOID}
	},
	/* delete the message, insert the result: never half */
	[STMT_FINISH] = {
		ENDED_MESSAGES "INSERT INTO task_result SELECT * FROM d RETURNING *",
		10, ENDED_TYPES
	},
	/* the caller inserts what this returns */
	[STMT_TAKE_ENDED] = {
		ENDED_MESSAGES "SELECT * FROM d",
		10, ENDED_TYPES
	},
	/* due at once joins the tail; later waits for the coordinator */
	[STMT_RETRY] = {
		"UPDATE task_message m SET state = 'RETRY', retries = m.retries + 1, "
		"eta = o.eta, ready = CASE WHEN o.eta <= clock_timestamp() "
		"THEN nextval('task_ready_seq') END, worker = NULL, leased_until = NULL, "
		"started_at = NULL, deliveries = greatest(m.deliveries, o.delivery), "
		"options = coalesce(m.options - 'info', '{}') || jsonb_build_object('retry_reason', "
		"jsonb_strip_nulls(jsonb_build_object('exc_type', o.exc_type, "
		"'exc_message', o.exc_message))) "
		"FROM unnest($1, $2, $3, $4, $5) AS o(id, eta, delivery, exc_type, exc_message) "
		"WHERE m.id = o.id AND " DELIVERY_IS_CURRENT " RETURNING m.id",
		5, {UUIDARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, TEXTARRAYOID,
		TEXTARRAYOID}
	},
	/* back to the tail; lost counts what its workers' deaths cost it */
	[STMT_REQUEUE] = {
		"UPDATE task_message m SET state = 'PENDING', ready = nextval('task_ready_seq'), "
		"worker = NULL, leased_until = NULL, started_at = NULL, "
		"deliveries = greatest(m.deliveries, o.delivery), "
		"options = CASE WHEN o.lost = 0 THEN m.options - 'info' "
		"ELSE coalesce(m.options - 'info', '{}') || jsonb_build_object('lost', o.lost) END "
		"FROM unnest($1, $2, $3) AS o(id, delivery, lost) "
		"WHERE m.id = o.id AND " DELIVERY_IS_CURRENT " RETURNING m.id",
		3, {UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID}
	},
	[STMT_STARTED] = {
		"UPDATE task_message m SET state = 'STARTED', started_at = o.started_at "
		"FROM unnest($2, $3) AS o(id, started_at) WHERE m.id = o.id "
		"AND m.worker = $1 AND m.leased_until > clock_timestamp() "
		"AND m.state = 'RECEIVED' RETURNING m.id",
		3, {TEXTOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID}
	},
	[STMT_UPDATE_STATE] = {
		"UPDATE task_message SET state = $2, "
		"options = CASE WHEN $3 IS NULL THEN nullif(options - 'info', '{}') "
		"ELSE coalesce(options, '{}') || jsonb_build_object('info', $3) END "
		"WHERE id = $1",
		3, {UUIDOID, TEXTOID, JSONBOID}
	},
	[STMT_EXTEND] = {
		"UPDATE task_message SET leased_until = $3 WHERE id = ANY ($2) "
		"AND worker = $1 AND leased_until > clock_timestamp() RETURNING id",
		3, {TEXTOID, UUIDARRAYOID, TIMESTAMPTZOID}
	},
	[STMT_ATTACHABLE] = {
		"SELECT m.id, o.delivery, m.queue, m.priority::int, m.ready "
		"FROM unnest($1, $2) AS o(id, delivery), task_message m "
		"WHERE m.id = o.id AND m.ready IS NOT NULL AND m.leased_until IS NULL "
		"AND m.deliveries + CASE WHEN m.worker IS NULL THEN 1 ELSE 0 END = o.delivery",
		2, {UUIDARRAYOID, INT4ARRAYOID}
	},
	[STMT_RESULT] = {
		"SELECT state, result, exc_type, exc_message, traceback, sent_by, name "
		"FROM task_result WHERE id = $1",
		1, {UUIDOID}
	},
	[STMT_MESSAGE] = {
		"SELECT state, xmin, sent_by, name FROM task_message WHERE id = $1",
		1, {UUIDOID}
	},
	[STMT_FORGET] = {
		"DELETE FROM task_result WHERE id = $1 AND " NOBODY_WAITS,
		1, {UUIDOID}
	},
	/* how many, and those of them that others wait for */
	[STMT_PURGE] = {
		"WITH d AS (DELETE FROM task_message m WHERE queue = $1 AND leased_until IS NULL "
		"AND waiting = 0 AND state IN ('PENDING', 'RETRY') "
		"AND NOT celeriac_is_claimed(m.id) RETURNING *), "
		"r AS (INSERT INTO task_result (id, name, args, kwargs, queue, priority, state, "
		"exc_type, exc_message, retries, max_retries, root_id, parent_id, group_id, "
		"sent_by, sent_at, done_at, options) "
		"SELECT id, name, args, kwargs, queue, priority, 'REVOKED', 'TaskRevokedError', "
		"'purged', retries, max_retries, root_id, parent_id, group_id, sent_by, sent_at, "
		"clock_timestamp(), options FROM d RETURNING id, options, sent_by, root_id) "
		"SELECT NULL::uuid, NULL::jsonb, NULL::text, NULL::uuid, count(*) FROM r "
		"UNION ALL SELECT id, options, sent_by, root_id, 0 FROM r WHERE options ? 'canvas'",
		1, {TEXTOID}
	},
	[STMT_MARK_REVOKED] = {
		"UPDATE task_message SET options = coalesce(options, '{}') || '{\"revoked\": true}' "
		"WHERE id = ANY ($1)",
		1, {UUIDARRAYOID}
	},
	[STMT_RERUN] = {
		"WITH d AS (DELETE FROM task_result WHERE id = $1 "
		"AND name <> '" CELERIAC_GROUP_TASK "' AND " NOBODY_WAITS " RETURNING *) "
		"INSERT INTO task_message (id, name, args, kwargs, queue, priority, ready, "
		"max_retries, root_id, parent_id, group_id, sent_by, options) "
		"SELECT id, name, args, kwargs, queue, priority, nextval('task_ready_seq'), "
		"max_retries, root_id, parent_id, group_id, sent_by, "
		"nullif(options - '{lost,retry_reason,revoked,canvas}'::text[], '{}') FROM d",
		1, {UUIDOID}
	},

	/*
	 * The coordinator's duties.  Each has a condition on the first column of
	 * its index: for the order alone a table whose rows have mostly no such
	 * time would be read whole.
	 */
	[STMT_DUE] = {
		"WITH d AS MATERIALIZED (SELECT id FROM task_message WHERE ready IS NULL "
		"AND eta <= statement_timestamp() AND waiting = 0 ORDER BY eta LIMIT $1 FOR UPDATE SKIP LOCKED) "
		"UPDATE task_message m SET ready = nextval('task_ready_seq') "
		"FROM d WHERE m.id = d.id",
		1, {INT8OID}
	},
	[STMT_NEXT_DUE] = {
		"SELECT eta FROM task_message WHERE ready IS NULL AND eta >= '-infinity' "
		"AND waiting = 0 ORDER BY eta LIMIT 1",
		0, {0}
	},
	[STMT_EXPIRED] = {
		"SELECT id FROM task_message WHERE expires <= statement_timestamp() "
		"AND leased_until IS NULL AND state IN ('PENDING', 'RETRY') "
		"ORDER BY expires LIMIT $1",
		1, {INT8OID}
	},
	[STMT_NEXT_EXPIRES] = {
		"SELECT expires FROM task_message WHERE expires > statement_timestamp() "
		"ORDER BY expires LIMIT 1",
		0, {0}
	},

	/*
	 * leases end: no index on leased_until (taking one stays HOT), so the
	 * dispatch index up to the highest order ever leased
	 */
	[STMT_LEASE_LEVELS] = {
		"SELECT queue, priority::int, max(ready) FROM task_message "
		"WHERE leased_until IS NOT NULL AND ready IS NOT NULL GROUP BY 1, 2",
		0, {0}
	},
	[STMT_LEASES_OVER] = {
		"SELECT id FROM task_message WHERE queue = $1 AND priority = $2 "
		"AND ready <= $3 AND leased_until <= clock_timestamp() LIMIT $4",
		4, {TEXTOID, INT2OID, INT8OID, INT8OID}
	},
	/* leases in queues that found no place in shared memory */
	[STMT_UNWATCHED_OVER] = {
		"SELECT id FROM task_message WHERE ready IS NOT NULL "
		"AND leased_until <= clock_timestamp() LIMIT $1",
		1, {INT8OID}
	},
	[STMT_NEXT_LEASE] = {
		"SELECT min(leased_until) FROM task_message WHERE queue = $1 "
		"AND priority = $2 AND ready <= $3 AND leased_until IS NOT NULL",
		3, {TEXTOID, INT2OID, INT8OID}
	},
	/* segment 0 only: the others expire as a whole (rotate.c) */
	[STMT_OLD_RESULTS] = {
		"DELETE FROM ONLY task_result WHERE id = ANY (ARRAY(SELECT r.id FROM ONLY task_result r "
		"WHERE done_at < clock_timestamp() - make_interval(secs => $1) "
		"AND NOT EXISTS (SELECT FROM task_edge e JOIN task_message t ON t.id = e.target "
		"WHERE e.source = r.id) "
		"ORDER BY done_at LIMIT $2))",
		2, {FLOAT8OID, INT8OID}
	},
	[STMT_OLDEST_RESULT] = {
		"SELECT done_at FROM ONLY task_result ORDER BY done_at LIMIT 1",
		0, {0}
	},
	[STMT_SEGMENTS] = {
		"SELECT number, opened_at, closed_at FROM celeriac_segment",
		0, {0}
	},
	[STMT_SEGMENT_NOTE] = {
		"INSERT INTO celeriac_segment VALUES ($1, $2, $3) ON CONFLICT (number) "
		"DO UPDATE SET opened_at = excluded.opened_at, closed_at = excluded.closed_at",
		3, {INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID}
	},
	[STMT_WANTED_RESULTS_1] = {WANTED_RESULTS(1), 0, {0}},
	[STMT_WANTED_RESULTS_2] = {WANTED_RESULTS(2), 0, {0}},
	[STMT_WANTED_RESULTS_3] = {WANTED_RESULTS(3), 0, {0}},
	[STMT_WANTED_RESULTS_4] = {WANTED_RESULTS(4), 0, {0}},
	[STMT_SEGMENT_FORGET] = {
		"DELETE FROM celeriac_segment WHERE number = $1",
		1, {INT4OID}
	},
	[STMT_UNLEASED] = {
		"SELECT id FROM task_message WHERE id = ANY ($1) AND leased_until IS NULL",
		1, {UUIDARRAYOID}
	},
	/* after a crash of the server: started at most once, and that is over */
	[STMT_UNACKED] = {
		"SELECT id FROM task_message WHERE worker IS NOT NULL AND leased_until IS NULL",
		0, {0}
	},
	[STMT_WORKER_REGISTER] = {
		"INSERT INTO celeriac_worker (name, queues, concurrency, state, pid, client_addr, "
		"started_at, info) VALUES ($1, $2, $3, 'online', $4, inet_client_addr(), "
		"clock_timestamp(), $5) "
		"ON CONFLICT (name) DO UPDATE SET queues = coalesce(excluded.queues, celeriac_worker.queues), "
		"concurrency = coalesce(excluded.concurrency, celeriac_worker.concurrency), "
		"state = 'online', pid = excluded.pid, client_addr = excluded.client_addr, "
		"started_at = excluded.started_at, stopped_at = NULL, "
		"info = coalesce(excluded.info, celeriac_worker.info)",
		5, {TEXTOID, TEXTARRAYOID, INT4OID, INT4OID, JSONBOID}
	},
	[STMT_WORKER_STATE] = {
		"UPDATE celeriac_worker SET state = $2, stopped_at = clock_timestamp() "
		"WHERE name = $1 AND state <> $2",
		2, {TEXTOID, TEXTOID}
	},

	/*
	 * canvas: what waits for the tasks that have just ended.  A row that was
	 * moved to another segment meanwhile is missed; the callers look again.
	 */
	[STMT_RELEASE] = {
		"WITH t AS MATERIALIZED (SELECT e.target, e.slot, s.value, s.parent "
		"FROM unnest($1, $2, $3) AS s(id, value, parent) "
		"JOIN task_edge e ON e.source = s.id ORDER BY e.target) "
		"UPDATE task_message m SET waiting = 0, "
		"args = CASE WHEN t.slot < 0 THEN m.args "
		"ELSE jsonb_build_array(t.value) || m.args END, "
		"parent_id = coalesce(t.parent, m.parent_id), eta = " RELEASED_ETA ", "
		"ready = CASE WHEN (" RELEASED_ETA " <= clock_timestamp()) IS NOT FALSE "
		"THEN nextval('task_ready_seq') END, "
		"expires = coalesce(clock_timestamp() + "
		"make_interval(secs => " SECONDS_OF_M("expires") "), m.expires), "
		"options = CASE WHEN m.options ?| '{countdown,expires}'::text[] "
		"THEN nullif(m.options - '{countdown,expires}'::text[], '{}') ELSE m.options END "
		"FROM t WHERE m.id = t.target AND m.waiting > 0",
		3, {UUIDARRAYOID, JSONBARRAYOID, UUIDARRAYOID}
	},
	[STMT_UNRELEASED] = {
		"SELECT 1 FROM unnest($1) AS s(id) JOIN task_edge e ON e.source = s.id "
		"JOIN task_message m ON m.id = e.target AND m.waiting > 0 LIMIT 1",
		1, {UUIDARRAYOID}
	},
	[STMT_COUNT_DOWN] = {
		"WITH t AS MATERIALIZED (SELECT e.target, count(*)::int AS ended, "
		"(array_agg(s.id ORDER BY s.nr DESC))[1] AS last "
		"FROM unnest($1) WITH ORDINALITY AS s(id, nr) "
		"JOIN task_edge e ON e.source = s.id GROUP BY e.target ORDER BY e.target) "
		"UPDATE task_message m SET waiting = m.waiting - t.ended "
		"FROM t WHERE m.id = t.target AND m.waiting > 0 "
		"RETURNING m.id, m.waiting, t.ended, t.last",
		1, {UUIDARRAYOID}
	},
	[STMT_UNCOUNTED] = {
		"SELECT s.id FROM unnest($1) AS s(id) JOIN task_edge e ON e.source = s.id "
		"JOIN task_message m ON m.id = e.target AND m.waiting > 0 "
		"WHERE e.target <> ALL ($2)",
		2, {UUIDARRAYOID, UUIDARRAYOID}
	},
	[STMT_KEEP_VALUES] = {
		"UPDATE task_edge e SET value = s.value "
		"FROM unnest($1, $2) AS s(id, value) WHERE e.source = s.id",
		2, {UUIDARRAYOID, JSONBARRAYOID}
	},
	[STMT_DEPENDENTS] = {
		"SELECT e.source, e.target, e.depth::int, m.name = '" CELERIAC_GROUP_TASK "' "
		"FROM unnest($1) AS s(id) JOIN task_edge e ON e.source = s.id "
		"JOIN task_message m ON m.id = e.target AND m.waiting > 0 ORDER BY e.target",
		1, {UUIDARRAYOID}
	},
	/* the list of their members' results, and of those that failed the first */
	[STMT_GATHERED] = {
		"SELECT g.id, g.list, f.id, f.state, f.exc_type, f.exc_message, f.traceback, "
		"g.failed IS NOT NULL "
		"FROM (SELECT s.id, jsonb_agg(coalesce(e.value, r.result, 'null') ORDER BY e.slot) "
		"FILTER (WHERE $2) AS list, min(e.slot) FILTER (WHERE r.state IS DISTINCT FROM 'SUCCESS') AS failed "
		"FROM unnest($1) AS s(id) JOIN task_edge e ON e.target = s.id "
		"LEFT JOIN task_result r ON r.id = e.source GROUP BY s.id) g "
		"LEFT JOIN task_edge fe ON fe.target = g.id AND fe.slot = g.failed "
		"LEFT JOIN task_result f ON f.id = fe.source",
		2, {UUIDARRAYOID, BOOLOID}
	},
	[STMT_WAITING_ROOTS] = {
		"SELECT DISTINCT coalesce(root_id, id) FROM task_message "
		"WHERE id = ANY ($1) AND waiting > 0",
		1, {UUIDARRAYOID}
	},
	/* does the task stand for others: as the first of a canvas, as a group? */
	[STMT_CANVAS_PART] = {
		"SELECT coalesce(t.root_id, t.id), coalesce(t.root_id = t.id, true) "
		"AND (t.grouped OR t.options ? 'canvas'), t.grouped FROM ("
		"SELECT id, root_id, options, name = '" CELERIAC_GROUP_TASK "' AS grouped "
		"FROM task_message WHERE id = $1 "
		"UNION ALL SELECT id, root_id, options, name = '" CELERIAC_GROUP_TASK "' "
		"FROM task_result WHERE id = $1) t",
		1, {UUIDOID}
	},
	[STMT_CANVAS_OF_ROOT] = {
		"WITH RECURSIVE n(id) AS (SELECT $1 UNION SELECT x.id FROM n, LATERAL ("
		"SELECT e.target AS id FROM task_edge e WHERE e.source = n.id "
		"UNION ALL SELECT e.source FROM task_edge e WHERE e.target = n.id) x) "
		UNFINISHED_OF_N,
		1, {UUIDOID}
	},
	/* upwards from the group, to where it is entered */
	[STMT_CANVAS_OF_GROUP] = {
		"WITH RECURSIVE n(id, level) AS (SELECT $1, 0 UNION "
		"SELECT e.source, CASE WHEN m.grouped THEN n.level + 1 ELSE n.level - e.depth END "
		"FROM n, LATERAL (SELECT EXISTS (SELECT FROM task_message m WHERE m.id = n.id "
		"AND m.name = '" CELERIAC_GROUP_TASK "') OR EXISTS (SELECT FROM task_result r "
		"WHERE r.id = n.id AND r.name = '" CELERIAC_GROUP_TASK "') AS grouped) m, "
		"task_edge e WHERE e.target = n.id AND (m.grouped OR n.level > e.depth)) "
		UNFINISHED_OF_N,
		1, {UUIDOID}
	},
	/* what replaces it has its id, and is waited for as it was */
	[STMT_TAKE_REPLACED] = {
		"WITH d AS (DELETE FROM task_message m USING unnest($1, $2) AS o(id, delivery) "
		"WHERE m.id = o.id AND " DELIVERY_IS_CURRENT " RETURNING m.id), "
		"e AS (DELETE FROM task_edge e USING d WHERE e.target = d.id) "
		"SELECT id FROM d",
		2, {UUIDARRAYOID, INT4ARRAYOID}
	},
	[STMT_GROUP_OF] = {
		"SELECT e.target, (SELECT max(o.slot) + 1 FROM task_edge o WHERE o.target = e.target) "
		"FROM task_edge e JOIN task_message g ON g.id = e.target "
		"AND g.name = '" CELERIAC_GROUP_TASK "' WHERE e.source = $1",
		1, {UUIDOID}
	},
	[STMT_ADD_WAITING] = {
		"UPDATE task_message SET waiting = waiting + $2 WHERE id = $1 AND waiting > 0",
		2, {UUIDOID, INT4OID}
	},
	/* one value under one key is enough; of a list, one of its values */
	[STMT_STAMPED] = {
		"SELECT m.id FROM task_message m WHERE m.options ? 'stamps' "
		"AND ($2 OR m.sent_by = $3) AND EXISTS ("
		"SELECT FROM jsonb_each($1) h(key, value), "
		"jsonb_path_query(h.value, 'lax $[*]') wanted, "
		"jsonb_path_query(m.options -> 'stamps' -> h.key, 'lax $[*]') has "
		"WHERE wanted = has) ORDER BY m.id",
		3, {JSONBOID, BOOLOID, TEXTOID}
	},
	/* the coordinator goes through the edges, so many targets at a time */
	[STMT_EDGE_TARGETS] = {
		"SELECT DISTINCT target FROM task_edge WHERE target > $1 ORDER BY target LIMIT $2",
		2, {UUIDOID, INT8OID}
	},
	[STMT_EDGES_REMOVE] = {
		"DELETE FROM task_edge e WHERE e.target = ANY ($1) "
		"AND NOT EXISTS (SELECT FROM task_message m WHERE m.id = e.target) "
		"AND NOT EXISTS (SELECT FROM task_result r WHERE r.id = e.target)",
		1, {UUIDARRAYOID}
	},
	/* what is waiting for another number of tasks than it should */
	[STMT_STUCK] = {
		"SELECT m.id, coalesce(m.root_id, m.id), m.name = '" CELERIAC_GROUP_TASK "' "
		"FROM task_message m WHERE m.id = ANY ($1) AND m.waiting > 0 "
		"AND m.waiting <> " LEFT_OF_M,
		1, {UUIDARRAYOID}
	},
	[STMT_STUCK_SOURCE] = {
		"SELECT r.id, r.state, r.result, r.exc_type, r.exc_message, r.options "
		"FROM task_edge e JOIN task_result r ON r.id = e.source WHERE e.target = $1",
		1, {UUIDOID}
	},
	[STMT_RECOUNT] = {
		"UPDATE task_message m SET waiting = " LEFT_OF_M " WHERE m.id = $1 "
		"AND m.waiting > 0 RETURNING m.waiting",
		1, {UUIDOID}
	},
	[STMT_WORKERS_ONLINE] = {
		"SELECT name FROM celeriac_worker WHERE state = 'online'",
		0, {0}
	},
};
