--
-- Finishing: every outcome, and the fence.  An outcome applied twice, or from
-- a worker that lost its claim, corrupts what another worker did.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- send one task, fetch it; the claim's kind is the second argument
CREATE FUNCTION finish_begin(what text, lease interval DEFAULT '1 hour') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := task_send('finish.task', jsonb_build_array(what), queue => 'finish');
BEGIN
	PERFORM task_fetch('w', '{finish}', max => 100, lease => lease);
	RETURN task_id;
END $$;
CREATE FUNCTION finish_with(task_id uuid, state text, result jsonb DEFAULT NULL, exc_type text DEFAULT NULL,
	exc_message text DEFAULT NULL, traceback text DEFAULT NULL, countdown interval DEFAULT NULL,
	worker text DEFAULT 'w', delivery int DEFAULT 1) RETURNS boolean LANGUAGE sql AS $$
	SELECT EXISTS (SELECT FROM task_finish(worker, ARRAY[ROW(task_id, delivery, state, result, exc_type, exc_message,
		traceback, countdown, '2026-01-31 12:00:00+00')]::task_outcome[]))
$$;
CREATE VIEW finished AS
	SELECT args ->> 0 AS task, state, result, exc_type, exc_message, traceback, retries, deliveries, worker,
		started_at AT TIME ZONE 'UTC' AS started_at, done_at IS NOT NULL AS done
	FROM task_state WHERE name LIKE 'finish%';

--
-- Every outcome, under both kinds of claim
--
CREATE FUNCTION finish_all(kind text, lease interval) RETURNS SETOF boolean LANGUAGE sql AS $$
	SELECT finish_with(finish_begin(kind || ' success', lease), 'SUCCESS', '{"x": 1}');
	SELECT finish_with(finish_begin(kind || ' success without result', lease), 'SUCCESS');
	SELECT finish_with(finish_begin(kind || ' success with json null', lease), 'SUCCESS', 'null');
	SELECT finish_with(finish_begin(kind || ' failure', lease), 'FAILURE', NULL, 'ValueError', 'no value', 'line 1');
	SELECT finish_with(finish_begin(kind || ' failure untold', lease), 'FAILURE');
	SELECT finish_with(finish_begin(kind || ' rejected', lease), 'REJECTED', NULL, 'Reject', 'not mine');
	SELECT finish_with(finish_begin(kind || ' ignored', lease), 'IGNORED');
	SELECT finish_with(finish_begin(kind || ' revoked', lease), 'REVOKED', NULL, 'TaskRevokedError', 'terminated');
	SELECT finish_with(finish_begin(kind || ' retry', lease), 'RETRY', NULL, 'IOError', 'busy', NULL, '1 hour');
	SELECT finish_with(finish_begin(kind || ' retry now', lease), 'RETRY', NULL, NULL, NULL, NULL, '0');
	SELECT finish_with(finish_begin(kind || ' handed back', lease), 'PENDING');
	SELECT finish_with(finish_begin(kind || ' lost', lease), 'LOST')
$$;
SELECT finish_all('lease', '1 hour') AS last;
SELECT task, state, result, exc_type, exc_message, traceback, worker, started_at, done FROM finished ORDER BY task;
SELECT task, m.retries, m.deliveries, m.eta > now() AS later, ready IS NOT NULL AS ready, leased_until, m.worker, m.options
FROM finished JOIN task_message m ON m.args ->> 0 = task WHERE NOT done ORDER BY task;
DELETE FROM task_message WHERE name LIKE 'finish%';
DELETE FROM task_result WHERE name LIKE 'finish%';
SELECT finish_all('session', NULL) AS last;
SELECT task, state, result, exc_type, exc_message, traceback, worker, started_at, done FROM finished ORDER BY task;
SELECT task, m.retries, m.deliveries, m.eta > now() AS later, ready IS NOT NULL AS ready, leased_until, m.worker, m.options
FROM finished JOIN task_message m ON m.args ->> 0 = task WHERE NOT done ORDER BY task;
SELECT active FROM task_worker WHERE name = 'w';
DELETE FROM task_message WHERE name LIKE 'finish%';
DELETE FROM task_result WHERE name LIKE 'finish%';

-- several in one call, in the order given
SELECT task_send('finish.many', jsonb_build_array(n), queue => 'finish') IS NOT NULL AS sent FROM generate_series(1, 4) AS n \g /dev/null
SELECT array_agg(ROW(id, delivery, (ARRAY['SUCCESS', 'FAILURE', 'RETRY', 'PENDING'])[(args ->> 0)::int], '"r"',
	'T', 'm', NULL, '1 hour', NULL)::task_outcome) AS outcomes FROM task_fetch('w', '{finish}', max => 10) \gset
SELECT count(*) FROM task_finish('w', :'outcomes');
SELECT args, state, result, exc_type, exc_message FROM task_state WHERE name = 'finish.many' ORDER BY args;
SELECT count(*) FROM task_finish('w', '{}');
DELETE FROM task_message WHERE name LIKE 'finish%';

-- ignore_result: the row is there, the value is not
SELECT task_send('finish.ignore', queue => 'finish', ignore_result => true) AS id \gset
SELECT name FROM task_fetch('w', '{finish}');
SELECT task_succeed(:'id', '"secret"');
SELECT state, result FROM task_state WHERE id = :'id';
SELECT task_get(:'id');

--
-- The one-task forms
--
SELECT task_succeed(finish_begin('succeed'), '[1]'), task_succeed(finish_begin('succeed null')),
	task_fail(finish_begin('fail'), 'KeyError', 'x', 'trace'), task_fail(finish_begin('fail untold')),
	task_retry(finish_begin('retry'), '1 hour', 'busy'), task_retry(finish_begin('retry by definition')),
	task_reject(finish_begin('reject')), task_reject(finish_begin('requeue'), true);
SELECT task, state, result, exc_type, exc_message, traceback, worker FROM finished WHERE task IS NOT NULL ORDER BY task;
-- again: false, and nothing changes
SELECT args ->> 0 AS task, task_succeed(id, '"twice"') FROM task_state WHERE name = 'finish.task' ORDER BY 1;
SELECT task, state, result FROM finished WHERE task IS NOT NULL ORDER BY task;
SELECT task_succeed('00000000-0000-0000-0000-000000000000'), task_fail('00000000-0000-0000-0000-000000000000'),
	task_retry('00000000-0000-0000-0000-000000000000'), task_reject('00000000-0000-0000-0000-000000000000');
DELETE FROM task_message WHERE name LIKE 'finish%';
DELETE FROM task_result WHERE name LIKE 'finish%';

--
-- The fence: worker and delivery
--
CREATE FUNCTION finish_fence(lease interval) RETURNS TABLE (attempt text, accepted boolean) LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := finish_begin('fence', lease);
BEGIN
	RETURN QUERY SELECT 'another worker', finish_with(task_id, 'SUCCESS', '1', worker => 'v');
	RETURN QUERY SELECT 'an earlier delivery', finish_with(task_id, 'SUCCESS', '2', delivery => 0);
	RETURN QUERY SELECT 'a later delivery', finish_with(task_id, 'FAILURE', '3', delivery => 2);
	RETURN QUERY SELECT 'no such task', finish_with('00000000-0000-0000-0000-000000000000', 'SUCCESS');
	RETURN QUERY SELECT 'the holder', finish_with(task_id, 'SUCCESS', '4');
	RETURN QUERY SELECT 'the holder again', finish_with(task_id, 'SUCCESS', '5');
	RETURN QUERY SELECT 'a loss of what has ended', finish_with(task_id, 'LOST');
END $$;
SELECT stale_outcomes AS before FROM celeriac_database_stats() \gset
SELECT * FROM finish_fence('1 hour');
SELECT * FROM finish_fence(NULL);
SELECT task, state, result FROM finished;
SELECT stale_outcomes - :before AS stale FROM celeriac_database_stats();

-- a lease that is over is nobody's, even before it is given to another
SELECT finish_begin('over', '50 ms') AS id \gset
SELECT pg_sleep(0.1);
SELECT finish_with(:'id', 'SUCCESS'), task_succeed(:'id');
DELETE FROM task_message WHERE id = :'id';
-- handed back and fetched again: the old number is worth nothing
SELECT finish_begin('again') AS id \gset
SELECT finish_with(:'id', 'PENDING');
SELECT finish_with(:'id', 'SUCCESS', '"old"');
SELECT delivery FROM task_fetch('w', '{finish}', max => 100) WHERE id = :'id';
SELECT finish_with(:'id', 'SUCCESS', '"old"');
SELECT finish_with(:'id', 'SUCCESS', '"new"', delivery => 2);
SELECT result FROM task_state WHERE id = :'id';

-- doubles in one call: the first counts, wherever they stand
CREATE FUNCTION finish_doubles(lease interval) RETURNS TABLE (accepted bigint, results text) LANGUAGE plpgsql AS $$
DECLARE
	a uuid := finish_begin('a', lease);
	b uuid := finish_begin('b', lease);
	c uuid := finish_begin('c', lease);
BEGIN
	SELECT count(*) INTO accepted FROM task_finish('w', ARRAY[
		ROW(a, 1, 'SUCCESS', '1', NULL, NULL, NULL, NULL, NULL),
		ROW(b, 1, 'SUCCESS', '2', NULL, NULL, NULL, NULL, NULL),
		ROW(c, 1, 'FAILURE', NULL, 'T', '3', NULL, NULL, NULL),
		ROW(a, 1, 'SUCCESS', '4', NULL, NULL, NULL, NULL, NULL),
		ROW(c, 1, 'SUCCESS', '5', NULL, NULL, NULL, NULL, NULL),
		ROW(b, 1, 'RETRY', NULL, NULL, NULL, NULL, '0', NULL),
		ROW(a, 1, 'SUCCESS', '6', NULL, NULL, NULL, NULL, NULL)]::task_outcome[]);
	SELECT string_agg(s.state || ' ' || coalesce(s.result::text, s.exc_message), ', ' ORDER BY s.args)
		INTO results FROM task_state s WHERE s.id IN (a, b, c);
	RETURN NEXT;
END $$;
SELECT * FROM finish_doubles('1 hour');
SELECT * FROM finish_doubles(NULL);
SELECT active FROM task_worker WHERE name = 'w';
-- an old outcome in the same call does not take the new one with it
SELECT finish_begin('stale and new') AS id \gset
SELECT finish_with(:'id', 'PENDING');
SELECT delivery FROM task_fetch('w', '{finish}', max => 100) WHERE id = :'id';
SELECT count(*) FROM task_finish('w', ARRAY[
	ROW(:'id', 1, 'SUCCESS', '"stale"', NULL, NULL, NULL, NULL, NULL),
	ROW(:'id', 2, 'SUCCESS', '"new"', NULL, NULL, NULL, NULL, NULL)]::task_outcome[]);
SELECT result FROM task_state WHERE id = :'id';

-- a finish that is rolled back: the claim is still held
SELECT finish_begin('rolled back', NULL) AS id \gset
BEGIN;
SELECT finish_with(:'id', 'SUCCESS', '"undone"');
ROLLBACK;
SELECT state, worker FROM task_state WHERE id = :'id';
SELECT finish_with(:'id', 'SUCCESS', '"done"');
SELECT finish_begin('rolled back lease') AS id \gset
BEGIN;
SAVEPOINT s;
SELECT task_fail(:'id');
ROLLBACK TO s;
SELECT task_succeed(:'id', '"done"');
COMMIT;
SELECT task, state, result, worker FROM finished WHERE task LIKE 'rolled%' ORDER BY task;

--
-- States of their own
--
SELECT finish_begin('progress') AS id \gset
SELECT task_update_state(:'id', 'PROGRESS', '{"done": 1, "of": 3}');
SELECT state, result FROM task_state WHERE id = :'id';
SELECT task_update_state(:'id', 'ALMOST');
SELECT state, result FROM task_state WHERE id = :'id';
SELECT task_succeed(:'id', '"done"');
SELECT state, result, options FROM task_state WHERE id = :'id';
SELECT finish_begin('progress in a session', NULL) AS id \gset
SELECT task_update_state(:'id', 'PROGRESS', '[1]');
SELECT state, result, worker FROM task_state WHERE id = :'id';
SELECT task_retry(:'id', '0');
SELECT state, retries, result FROM task_state WHERE id = :'id';
SELECT delivery FROM task_fetch('w', '{finish}', max => 100) WHERE id = :'id';
SELECT task_succeed(:'id');

--
-- Callbacks: link on success, link_error on failure, sent by who sent the task
--
SELECT task_define('finish.callback', queue => 'finish.c', priority => 2);
CREATE FUNCTION finish_linked(what text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := task_send('finish.linked', jsonb_build_array(what), queue => 'finish',
		link => ARRAY[task_s('finish.callback', what), task_si('finish.callback', what || ' immutable'),
			task_sig('finish.callback', '[]', jsonb_build_object('what', what), '{"queue": "finish.other", "priority": 8, "max_retries": 1}')],
		link_error => ARRAY[task_s('finish.errback', what), task_si('finish.errback', what || ' immutable')]);
BEGIN
	PERFORM task_fetch('w', '{finish}', max => 100);
	RETURN task_id;
END $$;
SELECT task_succeed(finish_linked('success'), '{"r": 1}');
SELECT task_succeed(finish_linked('nothing'));
SELECT name, args, kwargs, queue, priority, max_retries, root_id = parent_id AS child, options FROM task_state
WHERE name = 'finish.callback' ORDER BY args;
SELECT count(*) FROM task_state p, task_children(p.id) WHERE p.name = 'finish.linked' AND args = '["success"]';
SELECT finish_linked('failure') AS id \gset
SELECT task_fail(:'id', 'E', 'm');
SELECT name, replace(args::text, :'id', 'id of the task') AS args, parent_id = :'id' AS child FROM task_state
WHERE name = 'finish.errback' ORDER BY 2;
DELETE FROM task_message WHERE name IN ('finish.callback', 'finish.errback');
SELECT task_reject(finish_linked('rejected'));
SELECT task_retry(finish_linked('retried'), '1 hour');
SELECT finish_linked('revoked') AS id \gset
SELECT task_revoke(:'id', true);
SELECT count(*) FROM task_state WHERE name IN ('finish.callback', 'finish.errback');
-- a finish that is rolled back has called nobody
SELECT finish_linked('again') AS id \gset
BEGIN;
SELECT task_succeed(:'id');
ROLLBACK;
SELECT count(*) FROM task_state WHERE name = 'finish.callback';

-- what workers did is counted
SELECT fetched > 0 AS fetched, succeeded > 0 AS succeeded, failed > 0 AS failed, retried > 0 AS retried, stale > 0 AS stale
FROM task_worker WHERE name = 'w';

DELETE FROM task_message WHERE name LIKE 'finish%';
DELETE FROM task_result WHERE name LIKE 'finish%';
DELETE FROM task_queue WHERE name LIKE 'finish%';
DELETE FROM task_definition WHERE name LIKE 'finish%';
DROP VIEW finished;
DROP FUNCTION finish_begin, finish_with, finish_all, finish_fence, finish_doubles, finish_linked;
