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

CREATE FUNCTION task_purge(queue text) RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_purge';
COMMENT ON FUNCTION task_purge(text) IS
	'Ends all tasks that wait in a queue as REVOKED; returns how many.';
