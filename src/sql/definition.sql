CREATE FUNCTION celeriac_check_function(regprocedure) RETURNS text
	LANGUAGE c STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_check_function(regprocedure) IS
	'The function''s qualified signature; raises unless it can be a task.';

-- task_register and task_define share this: NULL leaves an option as it is, or
-- at the table's default in a new row.
CREATE FUNCTION celeriac_define(
	name text, function text,
	@definition: %name %type@,
	if_not_exists boolean
) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = @extschema@, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	task_name CONSTANT text := celeriac_task_name(name);
	broken text;
BEGIN
	IF queue IS NOT NULL THEN
		PERFORM celeriac_queue_name(celeriac_define.queue);
	END IF;
	IF priority NOT BETWEEN 0 AND 255 THEN
		RAISE EXCEPTION 'priority must be between 0 and 255' USING ERRCODE = 'TC004';
	END IF;
	INSERT INTO task_definition AS d (name) VALUES (task_name)
		ON CONFLICT DO NOTHING;
	IF NOT FOUND AND if_not_exists THEN
		RETURN task_name;
	END IF;
	-- no limit is NULL in the table, but NULL leaves it
	IF max_retries < 0 THEN
		UPDATE task_definition AS d SET max_retries = NULL WHERE d.name = task_name;
		max_retries := NULL;
	END IF;
	UPDATE task_definition AS d SET
		function = coalesce(celeriac_define.function, d.function),
		@definition: %name = coalesce(celeriac_define.%name, d.%name)@
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
	function regprocedure, name text DEFAULT NULL,
	@definition: %name %type DEFAULT NULL@
) RETURNS text
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = @extschema@, pg_temp
AS $$
BEGIN
	IF function IS NULL THEN
		RAISE EXCEPTION 'function must not be null' USING ERRCODE = 'TC004';
	END IF;
	RETURN celeriac_define(
		coalesce(name, (SELECT p.proname FROM pg_proc p WHERE p.oid = function)),
		celeriac_check_function(function),
		@definition: task_register.%name@,
		false);
END
$$;
COMMENT ON FUNCTION task_register(regprocedure, text, @definition: %type@) IS
	'Makes a SQL function a task that runs in the executors, under name (default: the function''s). Options left out keep what the definition has. Returns the name.';

CREATE FUNCTION task_define(
	name text,
	@definition: %name %type DEFAULT NULL@,
	if_not_exists boolean DEFAULT false
) RETURNS text
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT celeriac_define(name, NULL,
		@definition: task_define.%name@,
		if_not_exists);
END;
COMMENT ON FUNCTION task_define(text, @definition: %type@, boolean) IS
	'Declares a task that runs outside the server, or changes its default options. With if_not_exists a definition that is there stays as it is. max_retries -1 means no limit. Returns the name.';

CREATE FUNCTION task_unregister(name text) RETURNS boolean
	LANGUAGE sql SECURITY DEFINER SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	WITH gone AS (DELETE FROM task_definition AS d WHERE d.name = $1 RETURNING 1)
	SELECT EXISTS (SELECT FROM gone);
END;
COMMENT ON FUNCTION task_unregister(text) IS
	'Forgets a definition; false if there was none. Tasks already sent end as FAILURE NotRegistered when an executor receives them.';
