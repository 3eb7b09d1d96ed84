-- names.sql
--      Guards against text that is legal and breaks something on its way: names
--      and arguments with quotes, backslashes, format characters, combining and
--      right-to-left characters pass unharmed, or are refused.

SELECT no_plan();
SELECT task_queue_create('names') \g /dev/null
SELECT task_events_enable() \g /dev/null
CREATE TEMP TABLE odd AS SELECT n, name FROM unnest(ARRAY[
    ' ', '  leading and trailing  ', 'quote "', 'quote ''', 'back\slash', '%s%n%d', '$1', '{}', '[]', '{"a": 1}', '*', '../../etc/passwd',
    '; DROP TABLE task_message; --', E'\u00e9', E'e\u0301', U&'\+01F331', E'\u202ertl', E'\u200b', E'\ufeff', E'\u2028', E'\u0085',
    'naïve 任务 задача', repeat('ü', 127), repeat('x', 255), 'null', 'NULL', 'true']) WITH ORDINALITY AS u(name, n);

-- As names and as arguments, sent and delivered.
SELECT is(count(task_send(name, jsonb_build_array(name), jsonb_build_object(name, name), queue => 'names', shadow => name,
    headers => jsonb_build_object(name, name))), (SELECT count(*) FROM odd), 'all are sent') FROM odd;
CREATE TEMP TABLE delivered AS SELECT * FROM task_fetch('wörker "x" \', '{names}', max => 1000, wait => '30 s');
SELECT is((SELECT count(*) FROM delivered), (SELECT count(*) FROM odd), 'all are delivered');
SELECT set_eq('SELECT name FROM delivered', 'SELECT name FROM odd', 'under their names');
SELECT is_empty('SELECT name FROM delivered WHERE args IS DISTINCT FROM jsonb_build_array(name)
    OR kwargs IS DISTINCT FROM jsonb_build_object(name, name) OR options ->> ''shadow'' IS DISTINCT FROM name
    OR options -> ''headers'' ->> name IS DISTINCT FROM name', 'with what was sent');

-- As results and errors, stored and shown.
SELECT is(count(*), (SELECT count(*) FROM odd), 'all are finished')
FROM task_finish('wörker "x" \', (SELECT array_agg(ROW(id, delivery, CASE WHEN n % 2 = 0 THEN 'SUCCESS' ELSE 'FAILURE' END, jsonb_build_object(name, name),
    name, name, name, NULL, NULL)::task_outcome) FROM delivered JOIN odd USING (name)));
SELECT is_empty($$SELECT name FROM task_state WHERE queue = 'names' AND (result IS DISTINCT FROM jsonb_build_object(name, name)
    OR exc_type <> name OR exc_message <> name OR traceback <> name OR worker <> 'wörker "x" \')$$, 'with what was reported');
SELECT is_empty($$SELECT name FROM task_state WHERE queue = 'names' AND state = 'FAILURE' AND task_get(id, propagate => false) ->> 'exc_message' <> name$$,
    'task_get returns it');
SELECT throws_ok(format('SELECT task_get(%L)', id), NULL, NULL, 'task_get raises ' || name) FROM task_state
WHERE queue = 'names' AND state = 'FAILURE' AND name ~ '%';

-- As queues: up to 63 bytes.
SELECT is(count(task_send('names.queue', queue => name)), count(*), 'all short names are queues') FROM odd WHERE octet_length(name) < 64;
SELECT is((SELECT count(*) FROM odd, task_fetch('w', ARRAY[odd.name], max => 10) WHERE octet_length(odd.name) < 64 AND odd.name <> 'names'),
    (SELECT count(*) FROM odd WHERE octet_length(name) < 64), 'and are fetched from');

-- Refused.
SELECT throws_ok(format('SELECT task_send(%L)', n), 'TC004', NULL, 'a control character') FROM unnest(ARRAY[E'\n', E'a\tb', E'\x01', E'\x1b[0m', E'\x7f']) AS n;
SELECT throws_ok(format('SELECT task_send(%L)', repeat('ü', 128)), 'TC004', NULL, 'a name of 256 bytes');
SELECT throws_ok($$SELECT task_send(E'a\000b')$$, '22021', NULL, 'NUL');
SELECT throws_ok($$SELECT task_send('t', '["\u0000"]')$$, '22P05', NULL, 'NUL in an argument');
SELECT throws_ok($$SELECT task_send('t', '["\ud800"]')$$, '22P02', NULL, 'half a character in an argument');

SELECT task_events_auto() \g /dev/null
SELECT * FROM finish();
