--
-- Fetching: who gets which task, in which order, for how long.  A task handed
-- to two workers is run twice; one handed to nobody is lost.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- polls until the query is true; the coordinator works beside us
CREATE PROCEDURE fetch_until(condition text) LANGUAGE plpgsql AS $$
DECLARE
	ok boolean;
BEGIN
	FOR i IN 1 .. 2000 LOOP
		EXECUTE 'SELECT ' || condition INTO ok;
		EXIT WHEN ok;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RAISE INFO '%', coalesce(ok, false);
END $$;

-- what a delivery holds
SELECT task_send('fetch.one', '[1]', '{"a": 2}', queue => 'fetch', priority => 3, headers => '{"h": 1}') AS id \gset
SELECT id = :'id' AS id, name, args, kwargs, queue, priority, retries, max_retries, delivery, eta, expires,
	root_id = id AS root, parent_id, group_id, options
FROM task_fetch('worker a', '{fetch}') \gx
SELECT state, worker, deliveries, started_at FROM task_state WHERE id = :'id';
SELECT round(extract(epoch FROM leased_until - clock_timestamp())) AS lease FROM task_message WHERE id = :'id';

-- held: nobody else gets it, nor does the holder again
SELECT name FROM task_fetch('worker b', '{fetch}', max => 10);
SELECT name FROM task_fetch('worker a', '{fetch}', max => 10);

-- task_extend: only the holder's own leases
SELECT task_extend('worker b', ARRAY[:'id']::uuid[], '1 hour');
SELECT task_extend('worker a', ARRAY[:'id', '00000000-0000-0000-0000-000000000000']::uuid[], '1 hour') = :'id' AS extended;
SELECT round(extract(epoch FROM leased_until - clock_timestamp()) / 60) AS minutes FROM task_message WHERE id = :'id';

-- task_started: only the holder's
SELECT task_started('worker b', ARRAY[:'id']::uuid[], ARRAY['2026-01-31 12:00:00+00'::timestamptz]);
SELECT state, started_at FROM task_state WHERE id = :'id';
SELECT task_started('worker a', ARRAY[:'id']::uuid[], ARRAY['2026-01-31 12:00:00+00'::timestamptz]);
SELECT state, started_at AT TIME ZONE 'UTC' AS started_at, runtime > '0' AS runs FROM task_state WHERE id = :'id';
SELECT task_succeed(:'id', '"result"');

-- a lease that is over: delivered again, under the next number
SELECT task_send('fetch.lost', queue => 'fetch') AS id \gset
SELECT name, delivery FROM task_fetch('worker a', '{fetch}', lease => '100 ms');
SELECT name, delivery FROM task_fetch('worker b', '{fetch}', wait => '20 s');
SELECT state, worker, deliveries FROM task_state WHERE id = :'id';
SELECT task_reject(:'id', requeue => true);
SELECT state, worker, deliveries, started_at FROM task_state WHERE id = :'id';
SELECT name, delivery FROM task_fetch('worker b', '{fetch}', lease => '100 ms');
-- it has lost its workers often enough
SELECT name, delivery FROM task_fetch('worker b', '{fetch}', wait => '20 s', lease => '100 ms');
CALL fetch_until(format('task_ready(%L)', :'id'));
SELECT state, exc_type, exc_message FROM task_state WHERE id = :'id';
SELECT task_define('fetch.fragile', max_deliveries => 1);
SELECT task_send('fetch.fragile', queue => 'fetch') AS id \gset
SELECT name, delivery FROM task_fetch('worker a', '{fetch}', lease => '50 ms');
CALL fetch_until(format('task_ready(%L)', :'id'));
SELECT state, exc_type, exc_message, worker FROM task_state WHERE id = :'id';

-- acks_late => false: STARTED before it starts, and never run again
SELECT task_define('fetch.once', acks_late => false);
SELECT task_send('fetch.once', queue => 'fetch') AS id \gset
SELECT name, delivery, options FROM task_fetch('worker a', '{fetch}', lease => '200 ms');
SELECT state, started_at IS NOT NULL AS started FROM task_message WHERE id = :'id';
CALL fetch_until(format('task_ready(%L)', :'id'));
SELECT state, exc_type, exc_message FROM task_state WHERE id = :'id';

--
-- Order: priority, then as they became ready; each queue is served
--
SELECT task_send('fetch.order', jsonb_build_array(n), queue => 'fetch', priority => n % 3) IS NOT NULL AS sent
FROM generate_series(1, 9) AS n \g /dev/null
SELECT args, priority FROM task_fetch('w', '{fetch}', max => 1);
SELECT args, priority FROM task_fetch('w', '{fetch}', max => 3);
SELECT args, priority FROM task_fetch('w', '{fetch}', max => 100);

SELECT task_send('fetch.queues', jsonb_build_array(q, n), queue => q) IS NOT NULL AS sent
FROM unnest('{fetch.a,fetch.b,fetch.c}'::text[]) AS q, generate_series(1, 4) AS n \g /dev/null
SELECT count(*), count(DISTINCT queue) FROM task_fetch('w', '{fetch.a,fetch.b}', max => 8);
SELECT args FROM task_fetch('w', '{fetch.a,fetch.c}', max => 100) ORDER BY args;
-- none is starved by the first
SELECT task_send('fetch.turns', queue => q) IS NOT NULL AS sent
FROM unnest('{fetch.a,fetch.b,fetch.c}'::text[]) AS q, generate_series(1, 10) AS n \g /dev/null
SELECT count(DISTINCT queue) FROM generate_series(1, 6) AS n, task_fetch('w' || n, '{fetch.a,fetch.b,fetch.c}');
SELECT task_purge(q) > 0 AS purged FROM unnest('{fetch.a,fetch.b,fetch.c}'::text[]) AS q;

-- a queue named twice gives each task once
SELECT task_send('fetch.twice', queue => 'fetch') IS NOT NULL AS sent FROM generate_series(1, 3) \g /dev/null
SELECT count(*), count(DISTINCT id) FROM task_fetch('w', '{fetch,fetch}', max => 100);

-- max, and nothing there
SELECT task_send_many('fetch.max', (SELECT array_agg(jsonb_build_array(i)) FROM generate_series(1, 1000) AS i), queue => 'fetch') \g /dev/null
SELECT count(*) FROM task_fetch('w', '{fetch}', max => 600);
SELECT count(*) FROM task_fetch('w', '{fetch}', max => 600);
SELECT count(*) FROM task_fetch('w', '{fetch}', max => 600);
SELECT count(*) FROM task_fetch('w', '{fetch}', wait => '50 ms');
SELECT name, args FROM task_fetch('w');

--
-- Expiry: what is past it is not handed out, but ends as REVOKED
--
SELECT task_send('fetch.expires', '["in time"]', queue => 'fetch', expires => now() + interval '1 hour') IS NOT NULL AS sent;
SELECT task_send('fetch.expires', '["waiting"]', queue => 'fetch', expires => clock_timestamp() + interval '200 ms') AS waiting \gset
SELECT task_send('fetch.expires', '["delayed"]', queue => 'fetch', countdown => '1 hour', expires => clock_timestamp() + interval '200 ms') AS delayed \gset
SELECT pg_sleep(0.25);
SELECT args FROM task_fetch('w', '{fetch}', max => 10);
CALL fetch_until(format('task_ready(%L) AND task_ready(%L)', :'waiting', :'delayed'));
SELECT args, state, exc_type, exc_message, worker FROM task_state WHERE id IN (:'waiting', :'delayed') ORDER BY args;
-- one that runs when it expires goes on
SELECT task_send('fetch.expires', '["running"]', queue => 'fetch', expires => clock_timestamp() + interval '300 ms') AS id \gset
SELECT args FROM task_fetch('w', '{fetch}');
SELECT pg_sleep(0.4);
SELECT task_succeed(:'id', '"done"');
SELECT state, result FROM task_state WHERE id = :'id';

--
-- Paused queues
--
SELECT task_send('fetch.paused', '[1]', queue => 'fetch.p') IS NOT NULL AS sent;
SELECT task_send('fetch.paused', '[2]', queue => 'fetch.p') IS NOT NULL AS sent;
SELECT args FROM task_fetch('w', '{fetch.p}');
SELECT task_queue_pause('fetch.p');
SELECT args FROM task_fetch('w', '{fetch.p}', max => 10);
SELECT task_send('fetch.paused', '[3]', queue => 'fetch.p', priority => 9) IS NOT NULL AS sent;
SELECT task_send('fetch.paused', '[4]', queue => 'fetch') IS NOT NULL AS sent;
SELECT args FROM task_fetch('w', '{fetch.p,fetch}', max => 10);
SELECT task_succeed(id) FROM task_state WHERE name = 'fetch.paused' AND args = '[1]';
SELECT task_queue_pause('fetch.p');
SELECT name, paused FROM task_queue WHERE name = 'fetch.p';
SELECT task_queue_resume('fetch.p');
SELECT args FROM task_fetch('w', '{fetch.p}', max => 10);
-- paused before the first task is sent to it
SELECT task_queue_pause('fetch.early');
SELECT task_send('fetch.paused', '[5]', queue => 'fetch.early') IS NOT NULL AS sent;
SELECT args FROM task_fetch('w', '{fetch.early}');
UPDATE task_queue SET paused = false WHERE name = 'fetch.early';
SELECT args FROM task_fetch('w', '{fetch.early}');
-- a pause that is rolled back
BEGIN;
SELECT task_queue_pause('fetch.early');
ROLLBACK;
SELECT task_send('fetch.paused', '[6]', queue => 'fetch.early') IS NOT NULL AS sent;
SELECT args FROM task_fetch('w', '{fetch.early}');

--
-- A fetch that is rolled back never happened
--
SELECT task_send('fetch.again', jsonb_build_array(n), queue => 'fetch') IS NOT NULL AS sent FROM generate_series(1, 3) AS n \g /dev/null
BEGIN;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 2);
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 2);
ROLLBACK TO s;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 1);
COMMIT;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 10);
-- the same for claims of the session
SELECT task_send('fetch.session', jsonb_build_array(n), queue => 'fetch') IS NOT NULL AS sent FROM generate_series(1, 3) AS n \g /dev/null
BEGIN;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 2, lease => NULL);
SELECT args, state, worker FROM task_state WHERE name = 'fetch.session' ORDER BY args;
ROLLBACK;
SELECT args, state, worker FROM task_state WHERE name = 'fetch.session' ORDER BY args;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 2, lease => NULL);
SELECT args, state, worker, deliveries FROM task_state WHERE name = 'fetch.session' ORDER BY args;
-- the row is as it was
SELECT args, state, worker, deliveries, leased_until FROM task_message WHERE name = 'fetch.session' ORDER BY args;
SELECT args, delivery FROM task_fetch('w', '{fetch}', max => 10);
SELECT task_succeed(id, args) FROM task_state WHERE name = 'fetch.session';
SELECT args, state, result, worker FROM task_state WHERE name = 'fetch.session' ORDER BY args;

--
-- task_wait: says that something may be ready, claims nothing
--
SELECT task_send('fetch.wait', queue => 'fetch') IS NOT NULL AS sent;
CALL task_wait('{fetch}', '20 s');
SELECT name FROM task_fetch('w', '{fetch}');
CALL task_wait('{fetch}', '10 ms');
CALL task_wait('{fetch}', '0');

DELETE FROM task_message WHERE name LIKE 'fetch%';
DELETE FROM task_result WHERE name LIKE 'fetch%';
DELETE FROM task_queue WHERE name LIKE 'fetch%';
DELETE FROM task_definition WHERE name LIKE 'fetch%';
DROP PROCEDURE fetch_until;
