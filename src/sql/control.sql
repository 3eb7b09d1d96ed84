CREATE FUNCTION task_revoke(id uuid, terminate boolean DEFAULT false, signal text DEFAULT 'TERM')
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_revoke';
COMMENT ON FUNCTION task_revoke(uuid, boolean, text) IS
	'Ends a task that waits; marks one that runs so that it is not tried again, and with terminate stops it by that signal. False if it has ended already.';

CREATE FUNCTION task_revoke(ids uuid[], terminate boolean DEFAULT false, signal text DEFAULT 'TERM')
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_revoke_many';
COMMENT ON FUNCTION task_revoke(uuid[], boolean, text) IS
	'task_revoke for each; true if any of them had not ended.';

-- A literal of no type, or a parameter of a driver that gives none, fits both
-- of the above; text is what the parser then prefers.
CREATE FUNCTION task_revoke(id text, terminate boolean DEFAULT false, signal text DEFAULT 'TERM')
	RETURNS boolean
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT CASE WHEN $1 ~ '^\s*{' THEN task_revoke($1::uuid[], $2, $3)
		ELSE task_revoke($1::uuid, $2, $3) END;
END;
COMMENT ON FUNCTION task_revoke(text, boolean, text) IS
	'task_revoke of an id, or of an array of them, given as text.';

CREATE FUNCTION celeriac_stamped(headers jsonb) RETURNS SETOF uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_stamped(jsonb) IS
	'Tasks of the caller that have not ended and carry one of these stamps; those of everybody for an admin.';

CREATE FUNCTION task_revoke_stamped(headers jsonb, terminate boolean DEFAULT false, signal text DEFAULT 'TERM')
	RETURNS SETOF uuid
	LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT unnest(ids) FROM (SELECT coalesce(array_agg(id), '{}') FROM celeriac_stamped($1) AS id) AS stamped (ids)
	WHERE task_revoke(ids, $2, $3);
END;
COMMENT ON FUNCTION task_revoke_stamped(jsonb, boolean, text) IS
	'task_revoke for every task that has not ended and carries one of these stamps; a value that is a list stands for each in it. Returns their ids. Celery: revoke_by_stamped_headers().';

CREATE FUNCTION task_purge(queue text) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_purge';
COMMENT ON FUNCTION task_purge(text) IS
	'Ends all tasks that wait in a queue as REVOKED; returns how many.';
