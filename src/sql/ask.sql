-- What shared memory knows of a message that a session holds.
CREATE FUNCTION celeriac_claim_info(
	id uuid, OUT state text, OUT worker text, OUT delivery integer, OUT started_at timestamptz
) RETURNS record
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME';
CREATE FUNCTION celeriac_is_claimed(uuid) RETURNS boolean
	LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME';

CREATE FUNCTION celeriac_sees_all() RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT pg_has_role(current_user, 'celeriac_monitor', 'USAGE');
END;
COMMENT ON FUNCTION celeriac_sees_all() IS
	'Whether the current role may see tasks that others sent.';

-- A role sees what it sent; monitor and admin see all.  The rule stands outside
-- the UNION: the planner takes a caller's conditions past a barrier into its arms.
CREATE VIEW task_state WITH (security_barrier) AS
	SELECT s.* FROM (
		SELECT m.id, m.name, m.args, m.kwargs, m.queue, m.priority,
			CASE WHEN m.state IN ('PENDING', 'RETRY') AND c.state IS NOT NULL
				THEN c.state ELSE m.state END AS state,
			m.options -> 'info' AS result,
			m.options -> 'retry_reason' ->> 'exc_type' AS exc_type,
			m.options -> 'retry_reason' ->> 'exc_message' AS exc_message,
			NULL::text AS traceback,
			m.eta, m.expires, m.retries, m.max_retries,
			coalesce(c.delivery, m.deliveries) AS deliveries,
			coalesce(c.worker, m.worker) AS worker,
			coalesce(m.root_id, m.id) AS root_id, m.parent_id, m.group_id,
			m.sent_by, m.sent_at,
			coalesce(c.started_at, m.started_at) AS started_at,
			NULL::timestamptz AS done_at,
			clock_timestamp() - coalesce(c.started_at, m.started_at) AS runtime,
			m.options
		FROM task_message m LEFT JOIN LATERAL celeriac_claim_info(m.id) c ON true
		UNION ALL
		SELECT r.id, r.name, r.args, r.kwargs, r.queue, r.priority, r.state, r.result,
			r.exc_type, r.exc_message, r.traceback,
			NULL, NULL, r.retries, r.max_retries, NULL, r.worker,
			coalesce(r.root_id, r.id), r.parent_id, r.group_id, r.sent_by, r.sent_at,
			r.started_at, r.done_at, r.done_at - r.started_at, r.options
		FROM task_result r
	) s
	WHERE s.sent_by = current_user OR (SELECT celeriac_sees_all());
COMMENT ON VIEW task_state IS
	'Every known task, finished or not. Of a task that runs, result is the info of its own state; of one to be retried, exc_type and exc_message tell why.';

CREATE FUNCTION task_get(id uuid, timeout interval DEFAULT NULL, propagate boolean DEFAULT true)
	RETURNS jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_get';
COMMENT ON FUNCTION task_get(uuid, interval, boolean) IS
	'Waits for a task to end and returns its result; raises its error, or with propagate false returns it as JSON. Without timeout it waits for ever; an id nobody sent raises celeriac_unknown_task. Celery: AsyncResult.get().';

CREATE FUNCTION task_ready(id uuid) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_ready';
COMMENT ON FUNCTION task_ready(uuid) IS 'Whether a task has ended.';
CREATE FUNCTION task_successful(id uuid) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_successful';
COMMENT ON FUNCTION task_successful(uuid) IS 'Whether a task has ended as SUCCESS.';
CREATE FUNCTION task_failed(id uuid) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_failed';
COMMENT ON FUNCTION task_failed(uuid) IS 'Whether a task has ended as FAILURE.';

CREATE FUNCTION task_forget(id uuid) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_forget';
COMMENT ON FUNCTION task_forget(uuid) IS
	'Removes the result of a finished task; false if there is none.';

CREATE FUNCTION task_requeue(id uuid) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_requeue';
COMMENT ON FUNCTION task_requeue(uuid) IS
	'Runs a finished task again, under the same id; false if it has not finished.';
