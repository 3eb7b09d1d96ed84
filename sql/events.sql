--
-- Events: NOTIFY task_event while somebody listens, with Celery's names and
-- fields.  A listener that misses a transition, or is told of one that was
-- rolled back, shows a system that does not exist.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
CREATE EXTENSION IF NOT EXISTS dblink;
RESET client_min_messages;

-- another session listens, so that what it hears can be shown without what
-- differs from run to run
SELECT dblink_connect('ear', format('host=%s port=%s user=%s dbname=%s',
	split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_user, current_database()));
-- what it says to itself comes after all that was said before
CREATE FUNCTION heard() RETURNS SETOF jsonb LANGUAGE sql AS $$
	SELECT dblink_exec('ear', 'NOTIFY task_event, ''[]''');
	SELECT e FROM dblink_get_notify('ear') WITH ORDINALITY AS n(channel, pid, payload, i),
		jsonb_array_elements(payload::jsonb) WITH ORDINALITY AS x(e, j)
	WHERE channel = 'task_event' ORDER BY i, j
$$;
CREATE FUNCTION heard_of() RETURNS TABLE (type text, name text, queue text, worker text, rest jsonb) LANGUAGE sql AS $$
	SELECT e ->> 'type', e ->> 'name', e ->> 'queue', CASE WHEN e ->> 'hostname' ~ '^gen\d+@' THEN 'a client' ELSE e ->> 'hostname' END,
		e - '{type,name,queue,hostname,pid,utcoffset,timestamp,uuid,root_id,runtime,eta,expires}'::text[]
	FROM heard() AS e
$$;
CREATE FUNCTION event_fetch(lease interval DEFAULT '1 hour') RETURNS uuid LANGUAGE sql AS $$
	SELECT id FROM task_fetch('events worker', '{events}', lease => lease)
$$;
SELECT task_queue_create('events');

-- nobody listens: nothing is sent
SELECT task_send('events.unheard', queue => 'events') IS NOT NULL AS sent;
SELECT task_succeed(event_fetch());
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_exec('ear', 'LISTEN task_event');
SELECT listeners FROM celeriac_database_stats();
SELECT count(*) FROM heard();

-- the life of a task
SELECT task_send('events.life', '[1, "two"]', '{"k": 3}', queue => 'events') AS id \gset
SELECT event_fetch() = :'id' AS fetched;
SELECT task_started('events worker', ARRAY[:'id']::uuid[], ARRAY['2026-01-31 12:00:00+00'::timestamptz]);
SELECT task_update_state(:'id', 'PROGRESS', '1');
SELECT task_succeed(:'id', '{"r": 1}');
SELECT * FROM heard_of();
-- the same under a claim of the session
SELECT task_send('events.session', queue => 'events') AS id \gset
SELECT event_fetch(NULL) = :'id' AS fetched;
SELECT task_started('events worker', ARRAY[:'id']::uuid[], ARRAY['2026-01-31 12:00:00+00'::timestamptz]);
SELECT task_fail(:'id', 'ValueError', 'no value', 'line 1');
SELECT * FROM heard_of();
-- the fields that differ from run to run
SELECT task_send('events.fields', queue => 'events', countdown => '1 hour', expires => now() + interval '2 hours') AS id \gset
SELECT e ->> 'uuid' = :'id' AS uuid, e ->> 'root_id' AS root_id, (e ->> 'pid')::int = pg_backend_pid() AS pid,
	e ->> 'hostname' ~ format('^gen%s@.', pg_backend_pid()) AS hostname,
	(e ->> 'timestamp')::numeric BETWEEN extract(epoch FROM now()) - 60 AND extract(epoch FROM clock_timestamp()) AS timestamp,
	jsonb_typeof(e -> 'utcoffset') AS utcoffset, e ->> 'eta' ~ '^\d{4}-\d\d-\d\dT' AS eta, e ->> 'expires' ~ '^\d{4}-\d\d-\d\dT' AS expires
FROM heard() AS e;
SELECT task_revoke(:'id');

-- each other end
SELECT task_send('events.retry', queue => 'events') AS id \gset
SELECT task_retry(event_fetch(), '1 hour', 'busy');
SELECT task_revoke(:'id');
SELECT task_send('events.reject', queue => 'events') AS id \gset
SELECT task_reject(event_fetch());
SELECT task_send('events.requeue', queue => 'events') AS id \gset
SELECT task_reject(event_fetch(), true);
SELECT task_purge('events');
SELECT task_send('events.ignore', queue => 'events') AS id \gset
SELECT count(*) FROM task_finish('events worker', ARRAY[ROW(event_fetch(), 1, 'IGNORED', NULL, NULL, NULL, NULL, NULL, NULL)]::task_outcome[]);
SELECT task_send('events.terminate', queue => 'events') AS id \gset
SELECT event_fetch() = :'id' AS fetched;
SELECT task_started('events worker', ARRAY[:'id']::uuid[], ARRAY[now()]);
SELECT task_revoke(:'id', true);
SELECT type, name, worker, rest FROM heard_of();

-- workers
SELECT task_heartbeat('events worker', '{events}', 4, info => '{"sw_ident": "regress", "freq": 2}');
SELECT task_heartbeat('events worker', info => '{"active": 1}');
SELECT task_heartbeat('events worker', state => 'offline');
SELECT task_heartbeat('events worker', info => 'null');
SELECT task_heartbeat('events worker', state => 'offline');
SELECT type, worker, rest FROM heard_of();

-- in the order of the transaction, together; what was rolled back is not told
BEGIN;
SELECT task_send('events.one', queue => 'events') IS NOT NULL AS sent;
SAVEPOINT s;
SELECT task_send('events.undone', queue => 'events') IS NOT NULL AS sent;
ROLLBACK TO s;
SELECT task_send('events.two', queue => 'events') IS NOT NULL AS sent;
SELECT count(*) FROM heard();
COMMIT;
BEGIN;
SELECT task_send('events.undone', queue => 'events') IS NOT NULL AS sent;
ROLLBACK;
SELECT type, name FROM heard_of();
SELECT task_purge('events');
SELECT count(*) FROM heard();

-- many of one transaction in few notifications, none too long
SELECT count(*) FROM task_send_many('events.many', (SELECT array_agg(jsonb_build_array(i)) FROM generate_series(1, 1000) AS i), queue => 'events');
SELECT dblink_exec('ear', 'NOTIFY task_event, ''[]''');
SELECT count(*) < 60 AS few, max(octet_length(payload)) < 8000 AS fit, sum(jsonb_array_length(payload::jsonb)) AS events
FROM dblink_get_notify('ear') AS n(channel, pid, payload);
SELECT task_purge('events');
SELECT count(*) FROM heard();
-- long fields are cut, on a character's border
SELECT task_send('events.long', jsonb_build_array(repeat('ü"\', 10000)), jsonb_build_object('k', repeat('x', 100000)), queue => 'events') IS NOT NULL AS sent;
SELECT task_fail(event_fetch(), repeat('T', 10000), repeat('m' || chr(10), 10000), repeat('line' || chr(10), 10000));
SELECT type, name, length(rest ->> 'args') > 100 AS args, rest ->> 'args' ~ '\.\.\.$' AS cut, length(rest ->> 'exception') > 100 AS exception,
	length(rest ->> 'traceback') > 100 AS traceback FROM heard_of();

-- forced either way
SELECT task_events_disable();
SELECT task_send('events.off', queue => 'events') IS NOT NULL AS sent;
SELECT count(*) FROM heard();
SELECT task_events_auto();
SELECT dblink_exec('ear', 'UNLISTEN task_event');
SELECT listeners FROM celeriac_database_stats();
SELECT task_send('events.off', queue => 'events') IS NOT NULL AS sent;
SELECT task_events_enable();
SELECT dblink_exec('ear', 'LISTEN task_event');
SELECT task_send('events.on', queue => 'events') IS NOT NULL AS sent;
SELECT type, name FROM heard_of();
SELECT task_events_auto();

-- LISTEN in a transaction counts when it commits; UNLISTEN *, DISCARD ALL and the session's end take it off
SELECT dblink_exec('ear', 'UNLISTEN *');
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_exec('ear', 'BEGIN'), dblink_exec('ear', 'LISTEN task_event');
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_exec('ear', 'ROLLBACK');
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_exec('ear', 'LISTEN task_event'), dblink_exec('ear', 'LISTEN task_event'), dblink_exec('ear', 'LISTEN other');
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_exec('ear', 'DISCARD ALL');
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_exec('ear', 'LISTEN "task_event"');
SELECT listeners FROM celeriac_database_stats();
SELECT dblink_disconnect('ear');
DO $$
BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXIT WHEN (SELECT listeners FROM celeriac_database_stats()) = 0;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT listeners FROM celeriac_database_stats();

SELECT task_purge('events') > 0 AS purged;
DELETE FROM task_result WHERE name LIKE 'events%';
DELETE FROM task_queue WHERE name = 'events';
DROP FUNCTION heard_of, heard, event_fetch;
DROP EXTENSION dblink;
