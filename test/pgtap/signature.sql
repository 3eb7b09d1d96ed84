-- signature.sql
--      Guards against signatures that are stored and cannot be sent later: the
--      type takes what has Celery's shape and nothing else, by every way in.

BEGIN;
SELECT no_plan();

SELECT is(task_s('t', 1, 'two', NULL)::jsonb,
    '{"task": "t", "args": [1, "two", null], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}', 'task_s');
SELECT is(task_s('t')::jsonb -> 'args', '[]', 'task_s without arguments');
SELECT is(task_si('t', 1)::jsonb -> 'immutable', 'true', 'task_si is immutable');
SELECT is(task_si('t')::jsonb, '{"task": "t", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": true}', 'task_si without arguments');
SELECT is(task_sig('t', '[1]', '{"k": 2}', '{"queue": "q"}', true)::jsonb,
    '{"task": "t", "args": [1], "kwargs": {"k": 2}, "options": {"queue": "q"}, "subtask_type": null, "immutable": true}', 'task_sig');
SELECT is(task_sig('t', NULL, NULL, NULL, NULL)::jsonb, task_s('t')::jsonb, 'task_sig with nulls');
SELECT is(task_s('t', VARIADIC ARRAY[1, 2])::jsonb -> 'args', '[1, 2]', 'variadic');
SELECT is(task_s('t', '{"a": 1}'::jsonb, ARRAY[1, 2], date '2026-01-31')::jsonb -> 'args', '[{"a": 1}, [1, 2], "2026-01-31"]', 'values as by to_jsonb');

-- Text, jsonb and back.
SELECT is(task_s('t', 1)::text::task_signature::jsonb, task_s('t', 1)::jsonb, 'through text');
SELECT is(task_s('t', 1)::jsonb::task_signature::jsonb, task_s('t', 1)::jsonb, 'through jsonb');
CREATE TEMP TABLE kept (s task_signature, many task_signature[]);
INSERT INTO kept VALUES (task_s('t', 1), ARRAY[task_s('a'), task_si('b', 2)]);
INSERT INTO kept VALUES ('{"task": "t"}', '{"{\"task\": \"a\"}"}');
SELECT is(array_agg(s::jsonb ->> 'task' || cardinality(many)), '{t2,t1}', 'stored in tables, alone and in arrays') FROM kept;
COPY kept TO '/dev/null' (FORMAT binary);
SELECT pass('binary output');
SELECT lives_ok($$SELECT task_send('t', link => (SELECT many FROM kept LIMIT 1))$$, 'and sent from there');

-- What is none, as text and as jsonb.
CREATE TEMP TABLE none (s) AS SELECT * FROM unnest(ARRAY['[]', '1', '"t"', 'null', '{}', '{"args": []}', '{"task": 1}', '{"task": ""}',
    '{"task": "t", "args": 1}', '{"task": "t", "kwargs": []}', '{"task": "t", "options": []}', '{"task": "t", "immutable": "no"}',
    '{"task": "t", "name": "x"}', '{"task": "t", "options": {"queue": ""}}', '{"task": "t", "options": {"priority": -1}}',
    '{"task": "t", "options": {"countdown": -1}}']);
SELECT throws_ok(format('SELECT %L::task_signature', s), 'TC004', NULL, 'text: ' || s) FROM none;
SELECT throws_ok(format('SELECT %L::jsonb::task_signature', s), 'TC004', NULL, 'jsonb: ' || s) FROM none;
SELECT throws_ok(format('SELECT task_s(%L)', repeat('x', 256)), 'TC004', NULL, 'a name too long');

-- What an input function says of an option becomes ours, but for its hint.
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' ', SQLSTATE, message, CASE WHEN hint ILIKE '%datestyle%' THEN 'datestyle' ELSE nullif(hint, '') END);
END $$;
SET LOCAL DateStyle = 'ISO, MDY';
SELECT is(refusal($$SELECT task_sig('t', options => '{"task_id": "me"}')$$), $$TC004 "task_id" of a signature's options must be a UUID$$, 'no UUID');
SELECT is(refusal($$SELECT task_sig('t', options => '{"eta": "soon"}')$$), $$TC004 "eta" of a signature's options must be a time$$, 'no time');
SELECT is(refusal($$SELECT task_sig('t', options => '{"eta": "31/12/2030"}')$$), $$TC004 "eta" of a signature's options must be a time datestyle$$,
    'a time for another order of day and month');
SELECT is(refusal($$SELECT task_sig('t', options => '{"expires": "infinity"}')$$), 'TC004 expires must be finite', 'our own errors are as they are');

SELECT * FROM finish();
ROLLBACK;
