--
-- Asking: what became of a task, and who may know.  A wait that can never end
-- and an answer for a task that does not exist are the errors to keep out.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- one task in each state
CREATE FUNCTION result_make(number int, how text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := format('00000000-0000-7000-8000-0000000001%s', to_char(number, 'FM00'))::uuid;
BEGIN
	PERFORM task_send('result.task', jsonb_build_array(how), queue => 'result', id => task_id);
	IF how <> 'PENDING' THEN
		PERFORM task_fetch('w', '{result}');
		PERFORM task_finish('w', ARRAY[ROW(task_id, 1, how, CASE how WHEN 'SUCCESS' THEN '{"x": [1]}' END::jsonb, 'SomeError',
			'it says why', 'line 1' || chr(10) || 'line 2', '1 hour', NULL)]::task_outcome[]) WHERE how <> 'RECEIVED';
	END IF;
END $$;
SELECT result_make(n::int, how) FROM unnest('{SUCCESS,FAILURE,REVOKED,REJECTED,IGNORED,RETRY,RECEIVED,PENDING}'::text[])
	WITH ORDINALITY AS u(how, n) \g /dev/null
SELECT args ->> 0 AS was, state, task_ready(id), task_successful(id), task_failed(id) FROM task_state
WHERE name = 'result.task' ORDER BY id;

\set success '''00000000-0000-7000-8000-000000000101'''
\set failure '''00000000-0000-7000-8000-000000000102'''
SELECT task_get(:success);
SELECT task_get(:success, timeout => '1 s', propagate => true);
-- errors are raised ...
SELECT task_get(:failure);
\echo :LAST_ERROR_SQLSTATE
SELECT task_get('00000000-0000-7000-8000-000000000103');
\echo :LAST_ERROR_SQLSTATE
SELECT task_get('00000000-0000-7000-8000-000000000104');
\echo :LAST_ERROR_SQLSTATE
SELECT task_get('00000000-0000-7000-8000-000000000105');
\echo :LAST_ERROR_SQLSTATE
-- ... or returned
SELECT args ->> 0 AS was, task_get(id, propagate => false) FROM task_state
WHERE name = 'result.task' AND done_at IS NOT NULL ORDER BY id;
-- in time, or not
SELECT task_get('00000000-0000-7000-8000-000000000106', timeout => '10 ms');
\echo :LAST_ERROR_SQLSTATE
SELECT task_get('00000000-0000-7000-8000-000000000107', timeout => '0');
\echo :LAST_ERROR_SQLSTATE
SELECT task_get('00000000-0000-7000-8000-000000000108', timeout => '0', propagate => false);
\echo :LAST_ERROR_SQLSTATE
SELECT task_get(:success, timeout => '-1 s');
-- a SQL task's error is raised as what it was
CREATE FUNCTION result_fails() RETURNS int LANGUAGE sql RETURN 1 / 0;
SELECT task_register('result_fails()'::regprocedure);
SELECT task_send('result_fails', id => '00000000-0000-7000-8000-000000000110') AS id \gset
SELECT task_get(:'id', timeout => '30 s');
\echo :LAST_ERROR_SQLSTATE
SELECT task_unregister('result_fails');
DROP FUNCTION result_fails;

-- ids that nobody sent
SELECT task_get('00000000-0000-0000-0000-000000000000');
\echo :LAST_ERROR_SQLSTATE
SELECT task_get('00000000-0000-0000-0000-000000000000', timeout => '1 s', propagate => false);
SELECT task_ready('00000000-0000-0000-0000-000000000000');
SELECT task_successful('00000000-0000-0000-0000-000000000000');
SELECT task_failed('00000000-0000-0000-0000-000000000000');
SELECT task_forget('00000000-0000-0000-0000-000000000000'), task_requeue('00000000-0000-0000-0000-000000000000');
SELECT task_children('00000000-0000-0000-0000-000000000000');
SELECT task_get('a typo');

--
-- A task sent in the same transaction cannot end in it
--
BEGIN;
SELECT task_send('result.own', queue => 'result', id => '00000000-0000-7000-8000-000000000111') AS id \gset
SELECT task_get(:'id', timeout => '1 hour');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT task_send('result.own', queue => 'result', id => '00000000-0000-7000-8000-000000000111') AS id \gset
RELEASE s;
SELECT task_ready(:'id');
SELECT task_get(:'id');
ROLLBACK;
SELECT task_get(task_send('result.own', queue => 'result', id => '00000000-0000-7000-8000-000000000111'));
-- one that was requeued in this transaction neither
BEGIN;
SELECT task_requeue(:success);
SELECT task_get(:success);
ROLLBACK;

--
-- Forget
--
SELECT task_forget('00000000-0000-7000-8000-000000000108'), task_forget('00000000-0000-7000-8000-000000000107');
SELECT task_forget('00000000-0000-7000-8000-000000000105'), task_forget('00000000-0000-7000-8000-000000000105');
SELECT task_get('00000000-0000-7000-8000-000000000105');
BEGIN;
SELECT task_forget(:success);
ROLLBACK;
SELECT task_get(:success);

--
-- Requeue: the same id, from the start
--
SELECT task_requeue('00000000-0000-7000-8000-000000000106'), task_requeue('00000000-0000-7000-8000-000000000107'),
	task_requeue('00000000-0000-7000-8000-000000000108');
SELECT task_requeue(:failure), task_requeue(:failure);
SELECT state, args, retries, deliveries, max_retries, exc_type, worker, done_at FROM task_state WHERE id = :failure;
SELECT id = :failure AS same, args, delivery FROM task_fetch('w', '{result}', max => 10) WHERE id = :failure;
SELECT task_succeed(:failure, '"at last"');
SELECT task_get(:failure);
SELECT count(*) FROM task_state WHERE id = :failure;
-- with all its options
SELECT task_send('result.options', '[1]', '{"k": 2}', queue => 'result', priority => 5, max_retries => 1, headers => '{"h": 1}',
	time_limit => '1 min', id => '00000000-0000-7000-8000-000000000112') AS id \gset
SELECT name FROM task_fetch('w', '{result}', max => 10) WHERE id = :'id';
SELECT task_fail(:'id', 'E', 'm');
SELECT task_requeue(:'id');
SELECT args, kwargs, queue, priority, retries, max_retries, delivery, options FROM task_fetch('w', '{result}', max => 10) WHERE id = :'id';
SELECT task_succeed(:'id');

--
-- Children
--
CREATE FUNCTION result_parent(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. n LOOP
		PERFORM task_send('result.child', jsonb_build_array(i), queue => 'result');
	END LOOP;
	RETURN n;
END $$;
SELECT task_register('result_parent(int)'::regprocedure);
SELECT task_send('result_parent', '[3]') AS id \gset
SELECT task_get(:'id', timeout => '30 s');
SELECT s.args, s.parent_id = :'id' AS parent, s.root_id = :'id' AS root
FROM task_children(:'id') WITH ORDINALITY AS c(id, n) JOIN task_state s USING (id) ORDER BY n;
SELECT task_unregister('result_parent');
DROP FUNCTION result_parent;

--
-- Old results are removed
--
-- in segment 0, where each has its own time
WITH r AS (DELETE FROM task_result WHERE id IN (:success, :failure) RETURNING *)
INSERT INTO task_result SELECT * FROM r;
UPDATE task_result SET done_at = now() - interval '2 days' WHERE id IN (:success, :failure);
SELECT count(*) FROM task_state WHERE id IN (:success, :failure);
DO $$
BEGIN
	-- something due is what the coordinator wakes for
	PERFORM task_send('result.due', queue => 'result', countdown => '10 ms');
	COMMIT;
	FOR i IN 1 .. 500 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM task_state WHERE id IN
			('00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-000000000102'));
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT count(*) FROM task_state WHERE id IN (:success, :failure);
SELECT task_get(:success);

-- a look-up by id uses indexes only (but a segment that is empty may be read)
SET enable_seqscan = off;
CREATE FUNCTION result_plan() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXPLAIN (COSTS off) SELECT * FROM task_state WHERE id = '00000000-0000-7000-8000-000000000101' LOOP
		IF line ~ 'Scan' THEN
			RETURN NEXT btrim(line, ' ->');
		END IF;
	END LOOP;
END $$;
SELECT result_plan();
DROP FUNCTION result_plan;
RESET enable_seqscan;

-- an id whose message was removed under a claim, and that was sent again: the
-- claim's loss does not touch the new message, nor does it hide it
SELECT task_send('result.again', queue => 'result.again') AS id \gset
SELECT name FROM task_fetch('w', '{result.again}');
SELECT task_reject(:'id', requeue => true);
SELECT delivery FROM task_fetch('w', '{result.again}', lease => NULL);
DELETE FROM task_message WHERE id = :'id';
SELECT task_send('result.again', queue => 'result.again', id => :'id') = :'id' AS sent;
\c
SELECT delivery FROM task_fetch('w', '{result.again}', wait => '10 s');

DELETE FROM task_message WHERE name LIKE 'result%';
DELETE FROM task_result WHERE name LIKE 'result%';
DELETE FROM task_queue WHERE name LIKE 'result%';
DROP FUNCTION result_make;
