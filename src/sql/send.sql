CREATE FUNCTION task_send(
	name text, args jsonb DEFAULT '[]', kwargs jsonb DEFAULT '{}',
	@send: %name %type DEFAULT NULL@,
	id uuid DEFAULT NULL
) RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_send';
COMMENT ON FUNCTION task_send(text, jsonb, jsonb, @send: %type@, uuid) IS
	'Sends a task, as part of this transaction; returns its id. Celery: apply_async. Options left out come from task_definition. priority 0 to 255, the highest runs first; countdown or eta delay it; past expires it is not run but REVOKED.';

CREATE FUNCTION task_send_many(
	name text, args jsonb[], kwargs jsonb DEFAULT '{}',
	@send: %name %type DEFAULT NULL@,
	id uuid DEFAULT NULL
) RETURNS SETOF uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 AS 'MODULE_PATHNAME', 'task_send_many';
COMMENT ON FUNCTION task_send_many(text, jsonb[], jsonb, @send: %type@, uuid) IS
	'Sends one task for each element of args, in one statement, with the same options; returns their ids in that order. id must be left out.';

CREATE FUNCTION task_delay(name text) RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_delay';
COMMENT ON FUNCTION task_delay(text) IS 'Sends a task without arguments.';

CREATE FUNCTION task_delay(name text, VARIADIC args "any") RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_delay';
COMMENT ON FUNCTION task_delay(text, "any") IS
	'Sends a task with these positional arguments, converted as by to_jsonb, and no options. Celery: delay.';

CREATE FUNCTION task_s(name text, VARIADIC args "any") RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_s';
CREATE FUNCTION task_s(name text) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_s';
COMMENT ON FUNCTION task_s(text, "any") IS
	'A signature with these positional arguments; the result of what it is linked to is put before them. Celery: s().';
COMMENT ON FUNCTION task_s(text) IS 'A signature without arguments. Celery: s().';

CREATE FUNCTION task_si(name text, VARIADIC args "any") RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_si';
CREATE FUNCTION task_si(name text) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_si';
COMMENT ON FUNCTION task_si(text, "any") IS
	'As task_s, but immutable: it gets no result of another task. Celery: si().';
COMMENT ON FUNCTION task_si(text) IS 'An immutable signature without arguments. Celery: si().';

CREATE FUNCTION task_sig(
	name text, args jsonb DEFAULT '[]', kwargs jsonb DEFAULT '{}',
	options jsonb DEFAULT '{}', immutable boolean DEFAULT false
) RETURNS task_signature
	LANGUAGE sql STABLE PARALLEL SAFE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT celeriac_signature_check(jsonb_build_object('task', $1, 'args', coalesce($2, '[]'),
		'kwargs', coalesce($3, '{}'), 'options', coalesce($4, '{}'),
		'subtask_type', NULL, 'immutable', coalesce($5, false)));
END;
COMMENT ON FUNCTION task_sig(text, jsonb, jsonb, jsonb, boolean) IS
	'A signature from its parts. Celery: signature().';
