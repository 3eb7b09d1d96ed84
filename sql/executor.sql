--
-- Executors: what a SQL task may do, what is left of it, how it ends.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
CREATE SCHEMA executor;
GRANT USAGE ON SCHEMA executor TO PUBLIC;
SET search_path = executor, public;
RESET client_min_messages;

-- send, wait, show
CREATE PROCEDURE run(task text, args jsonb DEFAULT '[]', VARIADIC shown text[] DEFAULT '{}')
LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := task_send(task, args, queue => 'server');
	t record;
	field text;
BEGIN
	COMMIT;
	PERFORM task_get(task_id, timeout => '30 s', propagate => false);
	SELECT * INTO t FROM task_state WHERE id = task_id;
	RAISE INFO '% %', t.state, coalesce(t.result::text, t.exc_type || ': ' || t.exc_message, '-');
	FOREACH field IN ARRAY shown LOOP
		RAISE INFO '%', to_jsonb(t) ->> field;
	END LOOP;
END $$;

CREATE TABLE seen (n serial, what text);
GRANT ALL ON seen, seen_n_seq TO PUBLIC;

--
-- Errors: what the task wrote is rolled back, the error is kept
--
CREATE FUNCTION fails(how text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO executor.seen (what) VALUES ('fails');
	IF how = 'zero' THEN
		PERFORM 1 / 0;
	ELSIF how = 'raise' THEN
		RAISE EXCEPTION 'out of cheese' USING DETAIL = 'None left.', HINT = 'Buy some.', ERRCODE = 'P0042';
	ELSIF how = 'unique' THEN
		CREATE TEMP TABLE u (x int PRIMARY KEY) ON COMMIT DROP;
		INSERT INTO u VALUES (1), (1);
	END IF;
	RETURN 0;
END $$;
SELECT task_register('fails(text)'::regprocedure);
CALL run('fails', '["zero"]', 'traceback');
CALL run('fails', '["raise"]', 'traceback');
CALL run('fails', '["unique"]');
CALL run('fails', '["none"]');
SELECT count(*) FROM seen;
CALL run('not.registered');

--
-- Deferred constraints and triggers belong to the task
--
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION orphan() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO executor.child VALUES (1);
	RETURN 'not checked yet';
END $$;
SELECT task_register('orphan()'::regprocedure);
CALL run('orphan');
SELECT count(*) FROM child;

--
-- Roles: a task has the rights of its sender until after its commit
--
CREATE ROLE regress_executor_ann IN ROLE celeriac_sender, celeriac_monitor;
CREATE ROLE regress_executor_bob;
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN current_user; END $$;
CREATE FUNCTION secret() RETURNS int LANGUAGE sql AS $$ SELECT count(*)::int FROM executor.parent $$;
CREATE FUNCTION private() RETURNS int LANGUAGE sql RETURN 1;
REVOKE EXECUTE ON FUNCTION private() FROM PUBLIC;
CREATE FUNCTION become(role text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET ROLE %I', role);
	RETURN current_user;
END $$;
CREATE FUNCTION become_session(role text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET SESSION AUTHORIZATION %I', role);
	RETURN current_user;
END $$;
CREATE FUNCTION note_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO executor.seen (what) VALUES ('trigger as ' || current_user);
	RETURN NULL;
END $$;
CREATE TABLE noted (x int);
GRANT ALL ON noted TO PUBLIC;
CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON noted DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION note_user();
CREATE FUNCTION writes() RETURNS void LANGUAGE sql AS $$ INSERT INTO executor.noted VALUES (1) $$;
SELECT task_register(p::regprocedure) FROM unnest(ARRAY['who()', 'secret()', 'private()', 'become(text)',
	'become_session(text)', 'writes()']) AS p;
CALL run('private');
SET ROLE regress_executor_ann;
CALL run('who');
CALL run('secret');
CALL run('private');
CALL run('become', '["postgres"]');
CALL run('become_session', '["postgres"]');
CALL run('writes');
RESET ROLE;
SELECT what FROM seen WHERE what LIKE 'trigger%';

-- a role that is gone
SET ROLE regress_executor_ann;
SELECT task_send('who', countdown => '1 hour') AS late \gset
RESET ROLE;
DROP ROLE regress_executor_ann;
UPDATE task_message SET eta = now() WHERE id = :'late';
SELECT task_get(:'late', timeout => '30 s', propagate => false);
SELECT state, exc_type, exc_message FROM task_state WHERE id = :'late';

--
-- Nothing is left in the session for the next task
--
CREATE FUNCTION leaves() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('search_path', 'nowhere', false);
	PERFORM set_config('celeriac_test.left', 'behind', false);
	CREATE TEMP TABLE left_behind AS SELECT 1 AS x;
	EXECUTE 'PREPARE left_behind AS SELECT 1';
	EXECUTE 'DECLARE left_behind CURSOR WITH HOLD FOR SELECT 1';
	PERFORM pg_advisory_lock(4711);
END $$;
CREATE FUNCTION finds() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN jsonb_build_object('path', current_setting('search_path'),
		'setting', nullif(current_setting('celeriac_test.left', true), ''),
		'temp', to_regclass('pg_temp.left_behind'),
		'prepared', (SELECT count(*) FROM pg_prepared_statements),
		'cursors', (SELECT count(*) FROM pg_cursors),
		'locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'));
END $$;
SELECT task_register('leaves()'::regprocedure), task_register('finds()'::regprocedure);
SELECT task_send('leaves') FROM generate_series(1, 4) \g /dev/null
CALL run('leaves');
CALL run('leaves');
CALL run('finds');
CALL run('finds');

-- no transaction control, no LISTEN
CREATE FUNCTION commits() RETURNS void LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
CREATE FUNCTION listens() RETURNS void LANGUAGE plpgsql AS $$ BEGIN LISTEN somewhere; END $$;
SELECT task_register('commits()'::regprocedure), task_register('listens()'::regprocedure);
CALL run('commits');
CALL run('listens');

--
-- Inside a task
--
CREATE FUNCTION about_me(x int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	me task_delivery := task_current();
BEGIN
	RETURN jsonb_build_object('name', me.name, 'args', me.args, 'queue', me.queue, 'retries', me.retries,
		'max_retries', me.max_retries, 'delivery', me.delivery);
END $$;
SELECT task_register('about_me(int)'::regprocedure);
CALL run('about_me', '[1]');
SELECT task_current();
SELECT task_raise_ignore();

CREATE FUNCTION ends(how text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO executor.seen (what) VALUES ('ends ' || how);
	CASE how
		WHEN 'reject' THEN PERFORM task_raise_reject();
		WHEN 'ignore' THEN PERFORM task_raise_ignore();
		WHEN 'requeue' THEN
			IF (task_current()).delivery < 3 THEN
				PERFORM task_raise_reject(requeue => true);
			END IF;
		WHEN 'retry' THEN
			IF (task_current()).retries < 2 THEN
				PERFORM task_raise_retry('0', 'not yet');
			END IF;
		WHEN 'swallow' THEN
			BEGIN
				PERFORM task_raise_ignore();
			EXCEPTION WHEN OTHERS THEN
				RETURN 'changed its mind';
			END;
	END CASE;
	RETURN format('retries %s, delivery %s', (task_current()).retries, (task_current()).delivery);
END $$;
SELECT task_register('ends(text)'::regprocedure, max_retries => 5);
TRUNCATE seen;
CALL run('ends', '["reject"]');
CALL run('ends', '["ignore"]');
CALL run('ends', '["requeue"]');
CALL run('ends', '["retry"]');
CALL run('ends', '["swallow"]');
SELECT what FROM seen ORDER BY n;
SELECT task_register('ends(text)'::regprocedure, max_retries => 1);
CALL run('ends', '["retry"]');

-- retried by the kind of error
CREATE FUNCTION flaky() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF (task_current()).retries < 2 THEN
		RAISE serialization_failure;
	END IF;
	RETURN (task_current()).retries;
END $$;
SELECT task_register('flaky()'::regprocedure, retry_delay => '0', autoretry_for => '{transaction_rollback}');
CALL run('flaky');
SELECT task_register('flaky()'::regprocedure, retry_delay => '0', autoretry_for => '{division_by_zero,22012}');
CALL run('flaky');

--
-- Many short tasks: they share transactions, but not their fate
--
CREATE TABLE counted (x int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION counts(x int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO executor.counted VALUES (x);
	IF x % 10 = 0 THEN
		RAISE EXCEPTION 'ten';
	END IF;
	IF x % 97 = 0 THEN
		-- a duplicate, found out when the constraint is checked
		INSERT INTO executor.counted VALUES (x);
	END IF;
	RETURN x;
END $$;
SELECT task_register('counts(int)'::regprocedure);
SELECT array_agg(id) AS ids FROM (SELECT task_send('counts', jsonb_build_array(i)) AS id FROM generate_series(1, 1000) AS i) AS t \gset
SELECT count(task_get(id, timeout => '60 s', propagate => false)) FROM unnest(:'ids'::uuid[]) AS id;
SELECT state, exc_type, count(*) FROM task_state WHERE id = ANY (:'ids') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*), count(DISTINCT x) FROM counted;

-- a task sent by a task
CREATE FUNCTION sends(n int) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
	IF n = 0 THEN
		RETURN NULL;
	END IF;
	RETURN task_send('sends', jsonb_build_array(n - 1));
END $$;
SELECT task_register('sends(int)'::regprocedure);
SELECT task_send('sends', '[3]') AS root \gset
SELECT task_get(:'root', timeout => '30 s') AS second \gset
SELECT task_get((:'second'::jsonb #>> '{}')::uuid, timeout => '30 s') IS NOT NULL AS ok;
SELECT parent_id = :'root' AS parent, root_id = :'root' AS root FROM task_state WHERE id = (:'second'::jsonb #>> '{}')::uuid;

SET client_min_messages = warning;
DROP SCHEMA executor CASCADE;
DROP ROLE regress_executor_bob;
