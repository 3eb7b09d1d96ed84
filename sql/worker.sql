--
-- Workers: who is there, what they hold and have done.  A worker that is gone
-- and shown as online makes people wait for it.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
CREATE EXTENSION IF NOT EXISTS dblink;
RESET client_min_messages;
CREATE VIEW workers AS
	SELECT name, queues, concurrency, state, active, fetched, succeeded, failed, retried, stale, info,
		heartbeat > now() - interval '1 min' AS beats, pid IS NOT NULL AS pid, started_at IS NOT NULL AS started, stopped_at IS NOT NULL AS stopped
	FROM task_worker WHERE name IN ('worker one', 'worker two');
SELECT task_queue_create('worker');
-- a session of its own for the worker, whose end can be seen
SELECT dblink_connect('worker', format('host=%s port=%s user=%s dbname=%s',
	split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_user, current_database()));
CREATE FUNCTION as_worker(statement text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT * FROM dblink('worker', 'SELECT (' || statement || ')::text') AS t(x text)
$$;

-- the first heartbeat registers, later ones only say what is new
SELECT as_worker($$task_heartbeat('worker one', '{worker,default}', 8, info => '{"sw_ver": "1"}')$$);
SELECT * FROM workers \gx
SELECT as_worker($$task_heartbeat('worker one')$$);
SELECT queues, concurrency, state, info, beats FROM workers;

-- counters
SELECT task_send('worker.task', jsonb_build_array(n), queue => 'worker') IS NOT NULL AS sent FROM generate_series(1, 6) AS n \g /dev/null
SELECT as_worker($$(SELECT count(*) FROM task_fetch('worker one', '{worker}', max => 5, lease => NULL))$$);
SELECT active, fetched FROM workers;
SELECT as_worker($$(SELECT count(*) FROM task_finish('worker one', (SELECT array_agg(ROW(id, 1, s, NULL, 'T', 'm', NULL, '1 hour', NULL)::task_outcome)
	FROM (SELECT id, (ARRAY['SUCCESS', 'FAILURE', 'RETRY'])[(args ->> 0)::int] AS s FROM task_state WHERE worker = 'worker one') AS t WHERE s IS NOT NULL)))$$);
SELECT as_worker($$(SELECT count(*) FROM task_finish('worker one', ARRAY[ROW('00000000-0000-0000-0000-000000000000', 1, 'SUCCESS', NULL, NULL, NULL, NULL, NULL, NULL)]::task_outcome[]))$$);
SELECT active, fetched, succeeded, failed, retried, stale FROM workers;

-- its connection breaks: the worker is lost, what it held is handed out again
SELECT dblink_disconnect('worker');
SELECT args, delivery FROM task_fetch('worker two', '{worker}', wait => '30 s', max => 1);
DO $$
BEGIN
	FOR i IN 1 .. 2000 LOOP
		EXIT WHEN EXISTS (SELECT FROM task_worker WHERE name = 'worker one' AND state = 'lost' AND active = 0);
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT name, state, active, stopped FROM workers WHERE name = 'worker one';
SELECT args, state, worker IS NULL AS free FROM task_state WHERE name = 'worker.task' AND state = 'PENDING' AND deliveries > 0 ORDER BY args;

-- it comes back, and stops in order
SELECT task_heartbeat('worker one', concurrency => 2);
SELECT queues, concurrency, state, stopped FROM workers WHERE name = 'worker one';
SELECT task_heartbeat('worker one', state => 'offline');
SELECT stopped FROM workers WHERE name = 'worker one';
-- a worker that only fetches is seen, too
SELECT name, queues, fetched FROM workers WHERE name = 'worker two';

-- the database
SELECT coordinator_pid IS NOT NULL AS coordinator, executors >= 0 AS executors, listeners, waiting_fetches >= 0 AS waiting,
	stale_outcomes > 0 AS stale
FROM celeriac_database_stats();

DELETE FROM task_message WHERE name LIKE 'worker%';
DELETE FROM task_result WHERE name LIKE 'worker%';
DELETE FROM task_queue WHERE name = 'worker';
DELETE FROM celeriac_worker WHERE name LIKE 'worker ___';
DROP VIEW workers;
DROP FUNCTION as_worker;
DROP EXTENSION dblink;
