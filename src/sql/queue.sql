-- SQL bodies are parsed at creation, so no search_path can lead them astray;
-- it is pinned all the same, for what they call.

CREATE FUNCTION celeriac_queue_name(name text) RETURNS text
	LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_queue_name(text) IS
	'The name; raises unless it can be a queue''s.';

CREATE FUNCTION celeriac_task_name(name text) RETURNS text
	LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_task_name(text) IS
	'The name; raises unless it can be a task''s.';

CREATE FUNCTION task_queue_create(name text) RETURNS boolean
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	WITH created AS (
		INSERT INTO task_queue AS q (name) VALUES (celeriac_queue_name($1))
		ON CONFLICT DO NOTHING RETURNING q.name
	)
	SELECT EXISTS (SELECT FROM created);
END;
COMMENT ON FUNCTION task_queue_create(text) IS
	'Creates a queue before a task is sent to it; false if it was there.';

CREATE FUNCTION task_queue_pause(name text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	INSERT INTO task_queue AS q (name, paused) VALUES (celeriac_queue_name($1), true)
	ON CONFLICT ON CONSTRAINT task_queue_pkey DO UPDATE SET paused = true;
END;
COMMENT ON FUNCTION task_queue_pause(text) IS
	'No worker is given tasks of this queue until task_queue_resume; those that run go on.';

CREATE FUNCTION task_queue_resume(name text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	INSERT INTO task_queue AS q (name, paused) VALUES (celeriac_queue_name($1), false)
	ON CONFLICT ON CONSTRAINT task_queue_pkey DO UPDATE SET paused = false;
END;
COMMENT ON FUNCTION task_queue_resume(text) IS 'Ends task_queue_pause.';
