CREATE FUNCTION celeriac_check_function(regprocedure) RETURNS text
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_check_function(regprocedure) IS
	'The function''s qualified signature; raises unless it can be a task.';

-- task_register and task_define share this: NULL leaves an option as it is, or
-- at the table's default in a new row.
CREATE FUNCTION celeriac_define(
	name text, function text, queue text, priority integer, max_retries integer,
	retry_delay interval, retry_backoff double precision, retry_backoff_max interval,
	retry_jitter boolean, autoretry_for text[], soft_time_limit interval,
	time_limit interval, expires interval, acks_late boolean, max_deliveries integer,
	ignore_result boolean, track_started boolean, rate_limit text, if_not_exists boolean
) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	task_name CONSTANT text := celeriac_task_name($1);
	broken text;
BEGIN
	IF $3 IS NOT NULL THEN
		PERFORM celeriac_queue_name($3);
	END IF;
	IF $4 NOT BETWEEN 0 AND 255 THEN
		RAISE EXCEPTION 'priority must be between 0 and 255' USING ERRCODE = 'TC004';
	END IF;
	INSERT INTO task_definition AS d (name) VALUES (task_name)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND AND if_not_exists THEN
		RETURN task_name;
	END IF;
	UPDATE task_definition AS d SET
		function = coalesce($2, d.function),
		queue = coalesce($3, d.queue),
		priority = coalesce($4, d.priority),
		max_retries = CASE WHEN $5 < 0 THEN NULL ELSE coalesce($5, d.max_retries) END,
		retry_delay = coalesce($6, d.retry_delay),
		retry_backoff = coalesce($7, d.retry_backoff),
		retry_backoff_max = coalesce($8, d.retry_backoff_max),
		retry_jitter = coalesce($9, d.retry_jitter),
		autoretry_for = coalesce($10, d.autoretry_for),
		soft_time_limit = coalesce($11, d.soft_time_limit),
		time_limit = coalesce($12, d.time_limit),
		expires = coalesce($13, d.expires),
		acks_late = coalesce($14, d.acks_late),
		max_deliveries = coalesce($15, d.max_deliveries),
		ignore_result = coalesce($16, d.ignore_result),
		track_started = coalesce($17, d.track_started),
		rate_limit = coalesce($18, d.rate_limit)
	WHERE d.name = task_name;
	RETURN task_name;
EXCEPTION WHEN check_violation THEN
	GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
	RAISE EXCEPTION '%', CASE broken
			WHEN 'task_definition_check' THEN 'soft_time_limit must not be greater than time_limit'
			ELSE format('%s is out of range', substring(broken FROM '^task_definition_(.*)_check$'))
		END
		USING ERRCODE = 'TC004', DETAIL = (
			SELECT format('It must satisfy %s.', pg_get_constraintdef(c.oid))
			FROM pg_constraint c
			WHERE c.conrelid = 'task_definition'::regclass AND c.conname = broken);
END
$$;

CREATE FUNCTION task_register(
	function regprocedure, name text DEFAULT NULL, queue text DEFAULT NULL,
	priority integer DEFAULT NULL, max_retries integer DEFAULT NULL,
	retry_delay interval DEFAULT NULL, retry_backoff double precision DEFAULT NULL,
	retry_backoff_max interval DEFAULT NULL, retry_jitter boolean DEFAULT NULL,
	autoretry_for text[] DEFAULT NULL, soft_time_limit interval DEFAULT NULL,
	time_limit interval DEFAULT NULL, expires interval DEFAULT NULL,
	acks_late boolean DEFAULT NULL, max_deliveries integer DEFAULT NULL,
	ignore_result boolean DEFAULT NULL, track_started boolean DEFAULT NULL,
	rate_limit text DEFAULT NULL
) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = @extschema@, pg_temp
AS $$
BEGIN
	IF $1 IS NULL THEN
		RAISE EXCEPTION 'function must not be null' USING ERRCODE = 'TC004';
	END IF;
	RETURN celeriac_define(
		coalesce($2, (SELECT p.proname FROM pg_proc p WHERE p.oid = $1)),
		celeriac_check_function($1), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, false);
END
$$;
COMMENT ON FUNCTION task_register(regprocedure, text, text, integer, integer, interval, double precision, interval, boolean, text[], interval, interval, interval, boolean, integer, boolean, boolean, text) IS
	'Makes a SQL function a task that runs in the executors, under name (default: the function''s). Options left out keep what the definition has. Returns the name.';

CREATE FUNCTION task_define(
	name text, queue text DEFAULT NULL, priority integer DEFAULT NULL,
	max_retries integer DEFAULT NULL, retry_delay interval DEFAULT NULL,
	retry_backoff double precision DEFAULT NULL, retry_backoff_max interval DEFAULT NULL,
	retry_jitter boolean DEFAULT NULL, autoretry_for text[] DEFAULT NULL,
	soft_time_limit interval DEFAULT NULL, time_limit interval DEFAULT NULL,
	expires interval DEFAULT NULL, acks_late boolean DEFAULT NULL,
	max_deliveries integer DEFAULT NULL, ignore_result boolean DEFAULT NULL,
	track_started boolean DEFAULT NULL, rate_limit text DEFAULT NULL,
	if_not_exists boolean DEFAULT false
) RETURNS text
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT celeriac_define($1, NULL, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
		$13, $14, $15, $16, $17, $18);
END;
COMMENT ON FUNCTION task_define(text, text, integer, integer, interval, double precision, interval, boolean, text[], interval, interval, interval, boolean, integer, boolean, boolean, text, boolean) IS
	'Declares a task that runs outside the server, or changes its default options. With if_not_exists a definition that is there stays as it is. max_retries -1 means no limit. Returns the name.';

CREATE FUNCTION task_unregister(name text) RETURNS boolean
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM task_definition AS d WHERE d.name = $1 RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION task_unregister(text) IS
	'Forgets a definition; false if there was none. Tasks already sent end as FAILURE NotRegistered when an executor receives them.';
