CREATE FUNCTION task_fetch(
	worker text, queues text[] DEFAULT '{default}', max integer DEFAULT 1,
	wait interval DEFAULT '0', lease interval DEFAULT '30 s'
) RETURNS SETOF task_delivery
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_fetch';
COMMENT ON FUNCTION task_fetch(text, text[], integer, interval, interval) IS
	'Claims up to max ready tasks for a worker; waits up to wait for the first. lease is how long the claim holds without task_extend; NULL claims for as long as this session lives. A queue that does not exist raises celeriac_unknown_queue.';

CREATE PROCEDURE task_wait(queues text[], timeout interval, max integer DEFAULT 1)
	LANGUAGE c AS 'MODULE_PATHNAME', 'task_wait';
COMMENT ON PROCEDURE task_wait(text[], interval, integer) IS
	'Returns when a task may be ready in one of the queues, or after timeout. max is how many the caller means to fetch: who wants 64 or more may wait while other sessions already take what is ready as fast as the server can give it. Called outside a transaction block it holds no snapshot while it waits.';

CREATE FUNCTION task_attach(worker text, ids uuid[], deliveries integer[]) RETURNS SETOF uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_attach';
COMMENT ON FUNCTION task_attach(text, uuid[], integer[]) IS
	'Takes session claims again, after a reconnect, on deliveries this worker still runs; returns those it got. With empty arrays it tells a server that has restarted not to wait for this worker.';

CREATE FUNCTION task_finish(worker text, outcomes task_outcome[]) RETURNS SETOF uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_finish';
COMMENT ON FUNCTION task_finish(text, task_outcome[]) IS
	'Applies outcomes and returns the ids of those accepted; the others did not come from the worker and delivery that hold the claim.';

CREATE FUNCTION task_finish_sending(worker text, outcomes task_outcome[], sent jsonb[]) RETURNS SETOF uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_finish';
COMMENT ON FUNCTION task_finish_sending(text, task_outcome[], jsonb[]) IS
	'task_finish for workers whose tasks have no connection. sent has an element for each outcome, NULL or an array of {"send": signature}: what the task sent, which is sent if its outcome is accepted.';

CREATE FUNCTION task_succeed(id uuid, result jsonb DEFAULT NULL) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_succeed';
COMMENT ON FUNCTION task_succeed(uuid, jsonb) IS
	'Ends a fetched task as SUCCESS; false if the claim is not held any more.';

CREATE FUNCTION task_fail(
	id uuid, exc_type text DEFAULT NULL, exc_message text DEFAULT NULL,
	traceback text DEFAULT NULL
) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_fail';
COMMENT ON FUNCTION task_fail(uuid, text, text, text) IS
	'Ends a fetched task as FAILURE, or as RETRY if its definition says so (autoretry_for); false if the claim is not held any more.';

CREATE FUNCTION task_retry(id uuid, countdown interval DEFAULT NULL, exc_message text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_retry';
COMMENT ON FUNCTION task_retry(uuid, interval, text) IS
	'Has a fetched task run again after countdown (NULL: as its definition says), or ends it as FAILURE when max_retries is used up; false if the claim is not held any more.';

CREATE FUNCTION task_reject(id uuid, requeue boolean DEFAULT false) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_reject';
COMMENT ON FUNCTION task_reject(uuid, boolean) IS
	'Ends a fetched task as REJECTED, or with requeue hands it back to its queue; false if the claim is not held any more.';

CREATE FUNCTION task_started(worker text, ids uuid[], started_at timestamptz[]) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_started';
COMMENT ON FUNCTION task_started(text, uuid[], timestamptz[]) IS
	'Tells that a worker has begun tasks it fetched, so that task_state shows STARTED.';

CREATE FUNCTION task_revocation(worker text, id uuid) RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_revocation';
COMMENT ON FUNCTION task_revocation(text, uuid) IS
	'Has a task that the worker holds by a session claim been revoked? The signal to stop it by, an empty text if it is only to be asked, or NULL.';

CREATE FUNCTION task_update_state(id uuid, state text, info jsonb DEFAULT NULL) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_update_state';
COMMENT ON FUNCTION task_update_state(uuid, text, jsonb) IS
	'Gives a running task a state of its own (PROGRESS or any other word) with info. Celery: update_state, whose meta is info here.';

CREATE FUNCTION task_extend(worker text, ids uuid[], lease interval DEFAULT '30 s') RETURNS SETOF uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_extend';
COMMENT ON FUNCTION task_extend(text, uuid[], interval) IS
	'Has leases of this worker end that much from now; returns those that were still held.';

CREATE FUNCTION task_heartbeat(
	worker text, queues text[] DEFAULT NULL, concurrency integer DEFAULT NULL,
	state text DEFAULT 'online', info jsonb DEFAULT NULL
) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_heartbeat';
COMMENT ON FUNCTION task_heartbeat(text, text[], integer, text, jsonb) IS
	'A worker tells that it lives. The first call registers it; state offline takes it off.';

-- inside a SQL task
CREATE FUNCTION task_current() RETURNS task_delivery
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_current';
COMMENT ON FUNCTION task_current() IS
	'Inside a SQL task, its delivery. Elsewhere it raises celeriac_not_in_task. Celery: self.request.';

CREATE FUNCTION task_raise_retry(countdown interval DEFAULT NULL, reason text DEFAULT NULL) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_raise_retry';
COMMENT ON FUNCTION task_raise_retry(interval, text) IS
	'Inside a SQL task: undo what it did and run it again later. Celery: raise self.retry().';

CREATE FUNCTION task_raise_reject(requeue boolean DEFAULT false) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_raise_reject';
COMMENT ON FUNCTION task_raise_reject(boolean) IS
	'Inside a SQL task: undo what it did and end it as REJECTED, or hand it back. Celery: raise Reject().';

CREATE FUNCTION task_raise_ignore() RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_raise_ignore';
COMMENT ON FUNCTION task_raise_ignore() IS
	'Inside a SQL task: undo what it did and end it as IGNORED. Celery: raise Ignore().';
