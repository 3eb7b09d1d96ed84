--
-- States: every change that the table of transitions allows, and every one it
-- does not, whoever writes.  A result that changes, or a task that runs again
-- after it ended, is worse than one that fails.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

SELECT from_state, string_agg(to_state, ' ' ORDER BY to_state COLLATE "C") AS may_become
FROM task_transition GROUP BY 1 ORDER BY from_state COLLATE "C";
SELECT to_state, event FROM task_transition GROUP BY 1, 2 ORDER BY to_state COLLATE "C";

-- tries a change on task_message; the states of running tasks are reached first
CREATE FUNCTION state_try(from_state text, to_state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := gen_random_uuid();
BEGIN
	INSERT INTO task_message (id, name, queue) VALUES (task_id, 'state.try', 'state');
	IF from_state <> 'PENDING' THEN
		UPDATE task_message SET state = 'STARTED' WHERE id = task_id;
	END IF;
	IF from_state = 'RECEIVED' THEN
		UPDATE task_message SET state = 'PENDING' WHERE id = task_id;
	END IF;
	UPDATE task_message SET state = from_state WHERE id = task_id;
	BEGIN
		UPDATE task_message SET state = to_state WHERE id = task_id;
	EXCEPTION WHEN OTHERS THEN
		RETURN CASE SQLSTATE WHEN 'TC002' THEN '-' ELSE SQLERRM END;
	END;
	RETURN 'ok';
END $$;
CREATE TEMP VIEW states AS
	SELECT s, n FROM unnest('{PENDING,RECEIVED,STARTED,PROGRESS,RETRY,SUCCESS,FAILURE,REVOKED,REJECTED,IGNORED}'::text[])
	WITH ORDINALITY AS u(s, n);
-- rows: from; all that is final belongs to task_result, so it is refused here
SELECT f.s AS from_state, max(r) FILTER (WHERE t.s = 'PENDING') AS pending, max(r) FILTER (WHERE t.s = 'RECEIVED') AS received,
	max(r) FILTER (WHERE t.s = 'STARTED') AS started, max(r) FILTER (WHERE t.s = 'PROGRESS') AS progress,
	max(r) FILTER (WHERE t.s = 'RETRY') AS retry,
	string_agg(DISTINCT r, ' ') FILTER (WHERE t.n > 5) AS final
FROM states f, states t, state_try(f.s, t.s) AS r
WHERE f.n <= 5 GROUP BY f.s, f.n ORDER BY f.n;
-- the table says the same
SELECT f.s AS from_state, t.s AS to_state FROM states f, states t, state_try(f.s, t.s) AS r
WHERE f.n <= 5 AND t.n <= 5 AND f.s <> t.s AND (r = 'ok') <> EXISTS (SELECT FROM task_transition
	WHERE from_state = replace(f.s, 'PROGRESS', '*') AND to_state = replace(t.s, 'PROGRESS', '*'));
-- a state of a task's own may become another
SELECT state_try('PROGRESS', 'UPLOADING'), state_try('STARTED', 'UPLOADING'), state_try('PENDING', 'UPLOADING');

-- a message is never of an ended task, a result always
CREATE FUNCTION state_new(relation regclass, state text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF relation = 'task_message'::regclass THEN
		INSERT INTO task_message (id, name, queue, state) VALUES (gen_random_uuid(), 'state.new', 'state', state_new.state);
	ELSE
		INSERT INTO task_result (id, name, args, kwargs, queue, priority, state, retries, sent_by, sent_at)
		VALUES (gen_random_uuid(), 'state.new', '[]', '{}', 'state', 0, state_new.state, 0, current_user, now());
	END IF;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'TC002' THEN '-' ELSE SQLERRM END;
END $$;
SELECT s AS state, state_new('task_message', s) AS message, state_new('task_result', s) AS result FROM states ORDER BY n;

-- results never change their state, to whatever
CREATE FUNCTION state_change(from_state text, to_state text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE task_result SET state = to_state WHERE name = 'state.new' AND state = from_state;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN CASE SQLSTATE WHEN 'TC002' THEN '-' ELSE SQLERRM END;
END $$;
SELECT f.s AS from_state, count(*) AS changes, count(*) FILTER (WHERE state_change(f.s, t.s) = '-') AS refused
FROM states f, states t WHERE f.n > 5 AND t.n <> f.n GROUP BY f.s, f.n ORDER BY f.n;
-- other columns may
UPDATE task_result SET result = '1' WHERE name = 'state.new' AND state = 'SUCCESS';

-- what the error says
INSERT INTO task_message (id, name, queue, state) VALUES ('00000000-0000-7000-8000-0000000000b1', 'state.say', 'state', 'RETRY');
UPDATE task_message SET state = 'PENDING' WHERE name = 'state.say';
\echo :LAST_ERROR_SQLSTATE
UPDATE task_message SET state = 'SUCCESS' WHERE name = 'state.say';
\echo :LAST_ERROR_SQLSTATE
INSERT INTO task_result (id, name, args, kwargs, queue, priority, state, retries, sent_by, sent_at)
	VALUES ('00000000-0000-7000-8000-0000000000b2', 'state.say', '[]', '{}', 'state', 0, 'PENDING', 0, current_user, now());
\echo :LAST_ERROR_SQLSTATE

--
-- The calls obey: what is running, what is not
--
SELECT task_send('state.call', queue => 'state.call', id => '00000000-0000-7000-8000-0000000000b3') AS id \gset
SELECT task_update_state(:'id', 'PROGRESS');
SELECT name FROM task_fetch('w', '{state.call}');
SELECT task_update_state(:'id', 'SUCCESS');
SELECT task_update_state(:'id', 'PENDING');
SELECT task_update_state(:'id', 'RETRY');
SELECT task_update_state(:'id', 'RECEIVED');
SELECT task_update_state(:'id', 'STARTED'), task_update_state(:'id', 'PROGRESS'), task_update_state(:'id', 'progress');
SELECT state FROM task_state WHERE id = :'id';
SELECT task_succeed(:'id');
SELECT task_update_state(:'id', 'PROGRESS');
-- a claim of the session: the row is PENDING, the task is not
SELECT task_send('state.call', queue => 'state.call', id => '00000000-0000-7000-8000-0000000000b4') AS id \gset
SELECT name FROM task_fetch('w', '{state.call}', lease => NULL);
SELECT state FROM task_state WHERE id = :'id';
SELECT task_started('w', ARRAY[:'id']::uuid[], ARRAY[clock_timestamp()]);
SELECT state, started_at IS NOT NULL AS started FROM task_state WHERE id = :'id';
SELECT state FROM task_message WHERE id = :'id';
SELECT task_update_state(:'id', 'SUCCESS');
SELECT task_update_state(:'id', 'PROGRESS', '50');
SELECT m.state AS message, s.state, s.worker, s.started_at IS NOT NULL AS started
FROM task_message m JOIN task_state s USING (id) WHERE id = :'id';
SELECT task_reject(:'id', true);
SELECT state, worker, started_at FROM task_state WHERE id = :'id';

-- one row for each task, before and after its end
SELECT count(*), count(DISTINCT id) FROM task_state WHERE name LIKE 'state%';

DELETE FROM task_message WHERE name LIKE 'state%';
DELETE FROM task_result WHERE name LIKE 'state%';
DELETE FROM task_queue WHERE name LIKE 'state%';
DROP VIEW states;
DROP FUNCTION state_try, state_new, state_change;
