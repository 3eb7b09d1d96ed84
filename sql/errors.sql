--
-- Bad input: each mistake is told at once, by name, with a SQLSTATE to catch
-- and a hint where there is one.  What gets through fails later, far from who
-- made the mistake.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- the error of a statement, as text
CREATE FUNCTION raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN state || ': ' || message || coalesce(E'\n  DETAIL: ' || nullif(detail, ''), '')
		|| coalesce(E'\n  HINT: ' || nullif(hint, ''), '');
END $$;
\pset format unaligned
\pset tuples_only on
SELECT task_queue_create('errors');
\set known '00000000-0000-7000-8000-0000000000c1'
SELECT task_send('errors.known', queue => 'errors', id => :'known');

-- unknown option
SELECT raises($$ SELECT task_send('errors', retires => 3) $$);
SELECT raises($$ SELECT task_define('errors', retires => 3) $$);
SELECT raises($$ SELECT task_fetch('w', queue => 'errors') $$);
SELECT raises($$ SELECT '{"task": "errors", "arg": []}'::jsonb::task_signature $$);

-- wrong shape
SELECT raises($$ SELECT task_send('errors', '{}') $$);
SELECT raises($$ SELECT task_send('errors', '1') $$);
SELECT raises($$ SELECT task_send('errors', 'null') $$);
SELECT raises($$ SELECT task_send('errors', '"[]"') $$);
SELECT raises($$ SELECT task_send('errors', '[1') $$);
SELECT raises($$ SELECT task_send('errors', '[]', '[]') $$);
SELECT raises($$ SELECT task_send('errors', '[]', '"{}"') $$);
SELECT raises($$ SELECT task_send('errors', headers => '[]') $$);
SELECT raises($$ SELECT task_send('errors', headers => 'null') $$);
SELECT raises($$ SELECT task_send_many('errors', ARRAY['[]', '{}']::jsonb[]) $$);
SELECT raises($$ SELECT task_send_many('errors', ARRAY['[]']::jsonb[], '[]') $$);
SELECT raises($$ SELECT task_send_many('errors', ARRAY['[]']::jsonb[], id => '00000000-0000-7000-8000-0000000000c2') $$);
SELECT raises($$ SELECT task_send('errors', link => ARRAY[NULL]::task_signature[]) $$);
SELECT raises($$ SELECT task_send('errors', link => '{"{\"task\": 1}"}') $$);

-- signatures
SELECT raises(format('SELECT %L::task_signature', s)) FROM unnest(ARRAY['[]', '{}', '1', '{', '{"task": ""}', '{"task": null}',
	'{"task": "t", "args": {}}', '{"task": "t", "kwargs": []}', '{"task": "t", "options": 1}', '{"task": "t", "immutable": 1}',
	'{"task": "t", "subtask_type": []}', '{"task": "t", "options": {"priority": 256}}', '{"task": "t", "options": {"queue": 1}}',
	'{"task": "t", "options": {"queue": ""}}', '{"task": "t", "options": {"countdown": -1}}', '{"task": "t"}']) AS s;
SELECT raises($$ SELECT task_s(NULL) $$);
SELECT raises($$ SELECT task_s('') $$);
SELECT raises($$ SELECT task_sig('t', args => '{}') $$);

-- arguments that do not fit
CREATE FUNCTION errors_f(x int, y int DEFAULT 0) RETURNS int LANGUAGE sql RETURN x + y;
SELECT task_register('errors_f(int,int)'::regprocedure);
SELECT raises($$ SELECT task_send('errors_f') $$);
SELECT raises($$ SELECT task_send('errors_f', '[1, 2, 3]') $$);
SELECT raises($$ SELECT task_send('errors_f', '[1]', '{"x": 1}') $$);
SELECT raises($$ SELECT task_send('errors_f', '[1]', '{"z": 1}') $$);
SELECT raises($$ SELECT task_delay('errors_f') $$);
SELECT raises($$ SELECT task_delay('errors_f', 1, 2, 3) $$);
SELECT raises($$ SELECT task_send_many('errors_f', ARRAY['[1]', '[]']::jsonb[]) $$);
SELECT task_unregister('errors_f');
DROP FUNCTION errors_f;

-- numbers and times out of range
SELECT raises(format('SELECT task_send(%L, priority => %s)', 'errors', p)) FROM unnest('{-1,256,2147483647}'::int[]) AS p;
SELECT raises($$ SELECT task_send('errors', max_retries => -1) $$);
SELECT raises($$ SELECT task_send('errors', countdown => '-1 s') $$);
SELECT raises($$ SELECT task_send('errors', countdown => '1 s', eta => now()) $$);
SELECT raises($$ SELECT task_send('errors', countdown => '1000000 years') $$);
SELECT raises($$ SELECT task_send('errors', expires => now()) $$);
SELECT raises($$ SELECT task_send('errors', expires => '2000-01-01') $$);
SELECT raises($$ SELECT task_send('errors', time_limit => '0') $$);
SELECT raises($$ SELECT task_send('errors', soft_time_limit => '-1 s') $$);
SELECT raises($$ SELECT task_send('errors', soft_time_limit => '2 s', time_limit => '1 s') $$);

-- names
SELECT raises(format('SELECT task_send(%L)', n)) FROM unnest(ARRAY[NULL, '', E'a\nb', E'a\tb', E'a\x7f', E'\x1b[31m', repeat('x', 256)]) AS n;
SELECT raises(format('SELECT task_send(%L, queue => %L)', 'errors', n)) FROM unnest(ARRAY['', E'a\nb', repeat('x', 64)]) AS n;
SELECT raises(format('SELECT task_fetch(%L, %L)', n, '{errors}')) FROM unnest(ARRAY[NULL, '', E'a\nb', repeat('x', 256)]) AS n;
SELECT raises($$ SELECT task_send(E'a\000b') $$) ~ '^22021' AS refused;
SELECT raises($$ SELECT task_send('errors', '["a\u0000b"]') $$);
SELECT raises($$ SELECT task_queue_create('') $$);
SELECT task_send(n, jsonb_build_array(n), queue => 'errors') IS NOT NULL AS sent
FROM unnest(ARRAY[' ', 'a b', '"quoted"', '''', '\', '%s%n', '{}', '*', repeat('x', 255), 'naïve', '任务', '🌱', '‮rtl']) AS n;
SELECT count(*) FROM task_state WHERE queue = 'errors' AND args ->> 0 = name;
SELECT count(*), bool_and(args ->> 0 = name) FROM task_fetch('wörker 🌱', '{errors}', max => 100) WHERE name <> 'errors.known';
SELECT bool_and(task_succeed(id, args)) FROM task_state WHERE queue = 'errors' AND name <> 'errors.known';

-- ids
SELECT raises(format('SELECT task_send(%L, id => %L)', 'errors', :'known'));
SELECT task_succeed(:'known');
SELECT raises(format('SELECT task_send(%L, id => %L)', 'errors', :'known'));
BEGIN;
SELECT task_send('errors', id => '00000000-0000-7000-8000-0000000000c3');
SELECT raises($$ SELECT task_send('errors', id => '00000000-0000-7000-8000-0000000000c3') $$);
ROLLBACK;
SELECT raises($$ SELECT task_send('errors', id => 'a typo') $$);
SELECT raises(format('SELECT %s(%L)', f, '00000000-0000-0000-0000-000000000000'))
FROM unnest('{task_get,task_ready,task_successful,task_failed,task_revoke}'::text[]) AS f;
SELECT raises(format('SELECT %s(NULL)', f))
FROM unnest('{task_get,task_ready,task_successful,task_failed,task_forget,task_requeue,task_succeed,task_fail,task_retry,task_reject,task_purge}'::text[]) AS f;
SELECT raises($$ SELECT task_update_state('00000000-0000-0000-0000-000000000000', 'PROGRESS') $$);
SELECT raises($$ SELECT task_update_state(NULL, 'PROGRESS') $$);
SELECT raises(format('SELECT task_update_state(%L, NULL)', :'known'));
SELECT raises(format('SELECT task_update_state(%L, %L)', :'known', ''));

-- queues a worker asks for
SELECT raises($$ SELECT task_fetch('w', '{errors,no_such_queue}') $$);
SELECT raises($$ CALL task_wait('{no_such_queue}', '1 s') $$);
SELECT raises($$ SELECT task_heartbeat('w', '{no_such_queue}') $$);
SELECT raises($$ SELECT task_fetch('w', '{}') $$);
SELECT raises($$ SELECT task_fetch('w', ARRAY[NULL]::text[]) $$);
SELECT raises($$ SELECT task_fetch('w', NULL) $$);
SELECT raises($$ SELECT task_fetch('w', (SELECT array_agg('q' || i) FROM generate_series(1, 1000) AS i)) $$);

-- the rest of what workers pass
SELECT raises(format('SELECT task_fetch(%L, %L, max => %s)', 'w', '{errors}', m)) FROM unnest('{-1,0,100001}'::int[]) AS m;
SELECT raises($$ SELECT task_fetch('w', '{errors}', max => NULL) $$);
SELECT raises($$ SELECT task_fetch('w', '{errors}', wait => '-1 s') $$);
SELECT raises($$ SELECT task_fetch('w', '{errors}', lease => '0') $$);
SELECT raises($$ SELECT task_extend('w', '{}', '-1 s') $$);
SELECT raises($$ SELECT task_extend('w', NULL) $$);
SELECT raises($$ SELECT task_heartbeat('w', state => 'busy') $$);
SELECT raises($$ SELECT task_heartbeat(NULL) $$);
SELECT raises($$ SELECT task_started('w', ARRAY['00000000-0000-0000-0000-000000000000']::uuid[], '{}') $$);
SELECT raises($$ SELECT task_started('w', ARRAY[NULL]::uuid[], ARRAY[now()]) $$);
SELECT raises($$ SELECT task_started('w', ARRAY['00000000-0000-0000-0000-000000000000']::uuid[], ARRAY[NULL]::timestamptz[]) $$);
SELECT raises($$ SELECT task_attach('w', ARRAY[NULL]::uuid[], ARRAY[NULL]::int[]) $$);
SELECT raises($$ SELECT task_attach('w', NULL, NULL) $$);
SELECT raises($$ SELECT task_finish('w', NULL) $$);
SELECT raises($$ SELECT task_finish(NULL, '{}') $$);
SELECT raises($$ SELECT task_finish('w', ARRAY[NULL]::task_outcome[]) $$);
SELECT raises($$ SELECT task_finish('w', ARRAY[ROW(NULL, 1, 'SUCCESS', NULL, NULL, NULL, NULL, NULL, NULL)]::task_outcome[]) $$);
SELECT raises(format($$ SELECT task_finish('w', ARRAY[ROW(%L, 1, %L, NULL, NULL, NULL, NULL, NULL, NULL)]::task_outcome[]) $$,
	'00000000-0000-0000-0000-000000000000', s)) FROM unnest(ARRAY['DONE', 'success', 'STARTED', '', NULL]) AS s;
SELECT raises($$ SELECT task_finish('w', ARRAY[ROW('00000000-0000-0000-0000-000000000000', 1, 'RETRY', NULL, NULL, NULL, NULL, '-1 s', NULL)]::task_outcome[]) $$);
SELECT raises($$ SELECT task_retry('00000000-0000-0000-0000-000000000000', '-1 s') $$);

-- signals, waits
SELECT raises(format('SELECT task_revoke(%L::uuid, true, %L)', :'known', s)) FROM unnest(ARRAY['SIGNAL', '15', '']) AS s;
SELECT task_send('errors', queue => 'errors', countdown => '1 hour') AS waiting \gset
SELECT replace(raises(format('SELECT task_get(%L, %L)', :'waiting', '-1 s')), :'waiting', 'id');
SELECT replace(raises(format('SELECT task_get(%L, %L)', :'waiting', '1 ms')), :'waiting', 'id');

-- only in a task
SELECT raises($$ SELECT task_current() $$);
SELECT raises($$ SELECT task_raise_retry() $$);
SELECT raises($$ SELECT task_raise_reject() $$);
SELECT raises($$ SELECT task_raise_ignore() $$);

-- a transaction that holds claims cannot be prepared
BEGIN;
SELECT task_send('errors', queue => 'errors') IS NOT NULL;
SELECT name FROM task_fetch('w', '{errors}');
PREPARE TRANSACTION 'errors';
SELECT name FROM task_fetch('w', '{errors}');

-- 64 MB of arguments pass, unharmed; more than jsonb can hold does not
SELECT task_send('errors.big', jsonb_build_array(repeat('x', 64 * 1024 * 1024)), queue => 'errors', id => '00000000-0000-7000-8000-0000000000c4');
SELECT name, length(args ->> 0) FROM task_fetch('w', '{errors}');
SELECT task_succeed('00000000-0000-7000-8000-0000000000c4', jsonb_build_array(repeat('y', 64 * 1024 * 1024)));
SELECT length(task_get('00000000-0000-7000-8000-0000000000c4') ->> 0);
SELECT raises($$ SELECT task_send('errors', jsonb_build_array(repeat('x', 256 * 1024 * 1024))) $$);

-- nothing of all that was sent
SELECT name, state, count(*) FROM task_state WHERE name LIKE 'errors%' GROUP BY 1, 2 ORDER BY name COLLATE "C", 2;

DELETE FROM task_message WHERE name LIKE 'errors%' OR queue = 'errors';
DELETE FROM task_result WHERE name LIKE 'errors%' OR queue = 'errors';
DELETE FROM task_queue WHERE name = 'errors';
DROP FUNCTION raises;
