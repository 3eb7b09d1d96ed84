--
-- Stopping a SQL task: time limits, revoke, cancel, an executor that ends.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
CREATE SCHEMA limits;
SET search_path = limits, public;
RESET client_min_messages;

CREATE PROCEDURE show(task_id uuid) LANGUAGE plpgsql AS $$
DECLARE
	t record;
BEGIN
	PERFORM task_get(task_id, timeout => '60 s', propagate => false);
	SELECT * INTO t FROM task_state WHERE id = task_id;
	RAISE INFO '% %', t.state, coalesce(t.result::text, t.exc_type || ': ' || t.exc_message, '-');
END $$;

-- until it is so
CREATE PROCEDURE await(condition text) LANGUAGE plpgsql AS $$
DECLARE
	met boolean;
BEGIN
	FOR i IN 1 .. 3000 LOOP
		EXECUTE 'SELECT ' || condition INTO met;
		EXIT WHEN met;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
	IF NOT coalesce(met, false) THEN
		RAISE EXCEPTION 'never: %', condition;
	END IF;
END $$;

CREATE TABLE seen (what text);

-- a sleeper, and those that catch its cancellation
CREATE FUNCTION sleeps(seconds float8) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO limits.seen VALUES ('sleeps');
	PERFORM pg_sleep(seconds);
	RETURN 'slept';
END $$;
CREATE FUNCTION catches(seconds float8) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_sleep(seconds);
	RETURN 'slept';
EXCEPTION WHEN query_canceled THEN
	INSERT INTO limits.seen VALUES ('catches');
	RETURN 'cleaned up';
END $$;
CREATE FUNCTION stubborn(seconds float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := clock_timestamp() + seconds * interval '1 s';
BEGIN
	WHILE clock_timestamp() < until LOOP
		BEGIN
			PERFORM pg_sleep(0.1);
		EXCEPTION WHEN query_canceled THEN
			NULL;
		END;
	END LOOP;
	RETURN 'cannot be stopped';
EXCEPTION WHEN query_canceled THEN -- between two blocks
	RETURN limits.stubborn(extract(epoch FROM until - clock_timestamp()));
END $$;
SELECT task_register('sleeps(float8)'::regprocedure), task_register('catches(float8)'::regprocedure),
	task_register('stubborn(float8)'::regprocedure);

--
-- Time limits
--
SELECT task_send('sleeps', '[60]', soft_time_limit => '0.2 s') AS id \gset
CALL show(:'id');
SELECT task_send('sleeps', '[60]', time_limit => '0.2 s') AS id \gset
CALL show(:'id');
SELECT task_send('sleeps', '[0.1]', soft_time_limit => '30 s', time_limit => '60 s') AS id \gset
CALL show(:'id');

-- a soft limit can be caught; the hard one cannot
SELECT task_send('catches', '[60]', soft_time_limit => '0.2 s', time_limit => '60 s') AS id \gset
CALL show(:'id');
SELECT task_send('catches', '[60]', time_limit => '0.2 s') AS id \gset
CALL show(:'id');
SELECT task_send('stubborn', '[0.5]', soft_time_limit => '0.1 s', time_limit => '30 s') AS id \gset
CALL show(:'id');
SELECT * FROM seen;

-- a task that cannot be stopped takes its executor with it, and is not tried again
SELECT task_send('stubborn', '[60]', time_limit => '0.2 s') AS id \gset
CALL show(:'id');
SELECT task_send('sleeps', '[0]') AS id \gset
CALL show(:'id');

-- limits of the definition
SELECT task_register('sleeps(float8)'::regprocedure, 'limited', time_limit => '0.2 s');
SELECT task_send('limited', '[60]') AS id \gset
CALL show(:'id');

--
-- Revoke
--
TRUNCATE seen;
SELECT task_send('sleeps', '[60]') AS id \gset
CALL await(format('(SELECT state = ''STARTED'' FROM task_state WHERE id = %L)', :'id'));
SELECT task_revoke(:'id', terminate => true);
CALL show(:'id');
SELECT task_send('catches', '[60]') AS id \gset
CALL await(format('(SELECT state = ''STARTED'' FROM task_state WHERE id = %L)', :'id'));
SELECT task_revoke(:'id', terminate => true);
CALL show(:'id');
SELECT * FROM seen;
SELECT task_send('stubborn', '[60]') AS id \gset
CALL await(format('(SELECT state = ''STARTED'' FROM task_state WHERE id = %L)', :'id'));
SELECT task_revoke(:'id', terminate => true);
CALL show(:'id');

-- without terminate a running SQL task goes on
SELECT task_send('sleeps', '[0.5]') AS id \gset
CALL await(format('(SELECT state = ''STARTED'' FROM task_state WHERE id = %L)', :'id'));
SELECT task_revoke(:'id') AS was_waiting;
CALL show(:'id');

--
-- pg_cancel_backend and pg_terminate_backend
--
SELECT task_send('sleeps', '[60]') AS id \gset
CALL await(format('EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = ''celeriac executor'' AND query LIKE ''sleeps[%%'' AND wait_event = ''PgSleep'')'));
SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'celeriac executor' AND query LIKE 'sleeps[%';
CALL show(:'id');

-- an executor that is told to go rolls its task back and gives it to another
CREATE TABLE attempts (pid int);
CREATE SEQUENCE attempt;
CREATE FUNCTION once_long() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO limits.attempts VALUES (pg_backend_pid());
	IF nextval('limits.attempt') = 1 THEN
		PERFORM pg_sleep(60);
	END IF;
	RETURN (task_current()).delivery;
END $$;
SELECT task_register('once_long()'::regprocedure);
SELECT task_send('once_long') AS id \gset
CALL await('(SELECT is_called FROM limits.attempt)');
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'celeriac executor' AND query LIKE 'once_long[%';
CALL show(:'id');
SELECT count(*) FROM attempts;

-- also one that holds on to its task
SELECT task_send('stubborn', '[3]') AS id \gset
CALL await(format('(SELECT state = ''STARTED'' FROM task_state WHERE id = %L)', :'id'));
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'celeriac executor' AND query LIKE 'stubborn[%';
CALL show(:'id');

--
-- A short task that is long for once does not hold up those before it
--
CREATE FUNCTION mostly_short(x int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF x = 1000 THEN
		PERFORM pg_sleep(2);
	END IF;
	RETURN x;
END $$;
SELECT task_register('mostly_short(int)'::regprocedure);
SELECT array_agg(id ORDER BY id) AS ids FROM (SELECT task_send('mostly_short', jsonb_build_array(i)) AS id FROM generate_series(1, 1100) AS i) AS t \gset
SELECT count(task_get(id, timeout => '60 s')) FROM unnest(:'ids'::uuid[]) AS id;
SELECT max(done_at) FILTER (WHERE args <> '[1000]') < max(done_at) FILTER (WHERE args = '[1000]') AS others_first
FROM task_state WHERE id = ANY (:'ids');

SET client_min_messages = warning;
DROP SCHEMA limits CASCADE;
