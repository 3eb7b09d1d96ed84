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

CREATE FUNCTION task_purge(queue text) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_purge';
COMMENT ON FUNCTION task_purge(text) IS
	'Ends all tasks that wait in a queue as REVOKED; returns how many.';
