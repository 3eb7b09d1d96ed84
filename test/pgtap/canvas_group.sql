-- canvas_group.sql
--      Guards against groups that end early or never, and results out of
--      order; what is expected is what Celery gives.

SELECT no_plan();
\ir include/canvas.psql

CREATE FUNCTION identities(a int, b int) RETURNS task_signature[] LANGUAGE sql AS
$$ SELECT ARRAY(SELECT task_s('identity', i) FROM generate_series(a, b) AS i) $$;

SELECT try('two', task_group(task_s('identity', 42), task_s('identity', 43)), '[42, 43]') \g /dev/null
SELECT try('one', task_group(task_s('identity', 42)), '[42]') \g /dev/null
SELECT try('none', task_group(), '[]') \g /dev/null
SELECT try('groups of nothing', task_group(task_group(), task_group(task_group())), '[]') \g /dev/null
SELECT try('a thousand', task_group(VARIADIC identities(1, 1000)), to_jsonb(ARRAY(SELECT generate_series(1, 1000)))) \g /dev/null
SELECT try('nested groups are unrolled',
    task_group(task_si('add', 1, 10), task_group(task_si('add', 1, 100), task_group(task_si('add', 1, 1000), task_si('add', 1, 2000)))),
    '[11, 101, 1001, 2001]') \g /dev/null
SELECT try('a group in a group', task_group(task_group(task_s('identity', 42), task_s('identity', 43))), '[42, 43]') \g /dev/null
SELECT try('arguments to each member', task_group(task_s('add', 1), task_s('add', 2), task_si('add', 1, 1)), '[6, 7, 2]', args => '[5]') \g /dev/null
SELECT try('a null among them', task_group(task_s('identity', 1), task_s('identity', NULL)), '[1, null]') \g /dev/null
SELECT try('retries', task_group(task_s('retry_once'), task_s('identity', 0), task_s('retry_once')), '[1, 0, 1]') \g /dev/null

-- What chords in groups count.
SELECT try('a chord', task_group(task_chord(task_group(task_si('identity', 42)), task_s('identity'))), '[[42]]') \g /dev/null
SELECT try('a chord of a chain', task_group(task_chord(task_group(task_chain(VARIADIC times(42, task_si('identity', 1337)))), task_s('identity'))), '[[1337]]') \g /dev/null
SELECT try('a chord of a group', task_group(task_chord(task_group(task_group(VARIADIC times(42, task_si('identity', 1337)))), task_s('identity'))),
    to_jsonb(ARRAY[array_fill(1337, '{42}')])) \g /dev/null
SELECT try('a chord of a chord',
    task_group(task_chord(task_group(task_chord(task_group(VARIADIC times(42, task_si('identity', 1337))), task_si('identity', 31337))), task_s('identity'))),
    '[[31337]]') \g /dev/null
SELECT try('a chord of all of them',
    task_group(task_chord(task_group(task_si('identity', 42), task_chain(VARIADIC times(42, task_si('identity', 42))),
        task_group(VARIADIC times(42, task_si('identity', 42))),
        task_chord(task_group(VARIADIC times(42, task_si('identity', 42))), task_si('identity', 1337))), task_s('identity'))),
    to_jsonb(ARRAY[array_fill(42, '{44}') || 1337])) \g /dev/null
SELECT try('a chord with a chain as body', task_group(task_chord(task_group(task_si('identity', 42)), task_chain(task_s('identity')))), '[[42]]') \g /dev/null
SELECT try('two chords', task_group(task_chord(task_group(task_s('add', 1, 2), task_s('add', 3, 4)), task_s('tsum')),
    task_chord(task_group(task_s('add', 1, 2), task_s('add', 3, 4)), task_s('tsum'))), '[10, 10]') \g /dev/null

-- Failures.
SELECT try('the first fails', task_group(task_s('fail'), task_si('identity', 42)), fails => '%Task expected to fail') \g /dev/null
SELECT try('the last fails', task_group(task_si('identity', 42), task_s('fail')), fails => '%Task expected to fail') \g /dev/null
SELECT try('two fail, the first of them tells', task_group(task_si('identity', 42), task_s('raise_error'), task_s('fail')), fails => '%deliberate error') \g /dev/null

-- Members replaced.
SELECT try('the first replaced', task_group(task_si('replace_with_chain', 42), task_s('identity', 1337)), '[42, 1337]') \g /dev/null
SELECT try('the middle', task_group(task_s('identity', 42), task_s('replace_with_chain', 1337), task_s('identity', 31337)), '[42, 1337, 31337]') \g /dev/null
SELECT try('the last', task_group(task_s('identity', 42), task_s('replace_with_chain', 1337)), '[42, 1337]') \g /dev/null
SELECT try('by groups, twenty times',
    task_group(VARIADIC ARRAY(SELECT CASE i % 2 WHEN 0 THEN task_s('add_to_all', '[2, 1]'::jsonb, 1) ELSE task_s('add_to_all', '[4, 3]'::jsonb, 1) END
        FROM generate_series(0, 19) AS i)),
    (SELECT jsonb_agg(CASE i % 2 WHEN 0 THEN '[3, 2]'::jsonb ELSE '[5, 4]' END) FROM generate_series(0, 19) AS i)) \g /dev/null

-- Callbacks and errbacks.  A group's callback is its first task's, without the result;
-- its errback is each member's.
SELECT try('a callback', task_link(task_group(task_si('identity', 42), task_si('identity', 1337)), task_s('count_up', 'callback')), '[42, 1337]') \g /dev/null
SELECT try('an errback, the first fails', task_on_error(task_group(task_s('fail'), task_si('identity', 42)), task_si('count_up', 'errback first')),
    fails => '%Task expected to fail') \g /dev/null
SELECT try('an errback, the last fails', task_on_error(task_group(task_si('identity', 42), task_s('fail')), task_si('count_up', 'errback last')),
    fails => '%Task expected to fail') \g /dev/null
SELECT try('errbacks by id', task_on_error(task_group(task_sig('fail', options => '{"task_id": "01a00000-0000-7000-8000-00000000000a"}'), task_si('identity', 42)),
    task_s('errback_old_style')), fails => '%Task expected to fail') \g /dev/null
SELECT try('errbacks with the error', task_on_error(task_group(task_sig('fail', options => '{"task_id": "01a00000-0000-7000-8000-00000000000b"}'), task_si('identity', 42)),
    task_s('errback_new_style')), fails => '%Task expected to fail') \g /dev/null
SELECT try('many fail', task_on_error(task_group(VARIADIC times(24, task_si('identity', 42)) || times(42, task_s('fail'))), task_si('count_up', 'errback many')),
    fails => '%Task expected to fail') \g /dev/null
SELECT try('members with callbacks', task_group(VARIADIC times(42, task_link(task_si('identity', 1337), task_si('count_up', 'callbacks')))),
    to_jsonb(array_fill(1337, '{42}'))) \g /dev/null
SELECT try('members with errbacks', task_group(VARIADIC times(42, task_on_error(task_si('fail'), task_si('count_up', 'errbacks')))),
    fails => '%Task expected to fail') \g /dev/null
SELECT try('a callback, and a member replaced', task_link(task_group(task_si('add_replaced', 42, 1337), task_si('identity', 31337)), task_si('count_up', 'callback replaced')),
    '[1379, 31337]') \g /dev/null
SELECT try('an errback, and a member replaced', task_on_error(task_group(task_si('add_replaced', 42, 1337), task_s('fail')), task_si('count_up', 'errback replaced')),
    fails => '%Task expected to fail') \g /dev/null
SELECT try('a member with a callback replaced', task_group(task_link(task_si('add_replaced', 42, 1337), task_si('count_up', 'replaced callback')), task_si('identity', 31337)),
    '[1379, 31337]') \g /dev/null
SELECT try('a member with an errback replaced', task_group(task_on_error(task_si('fail_replaced'), task_si('count_up', 'replaced errback')), task_si('identity', 42)),
    fails => '%Task expected to fail') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is(count(e.key), w.times, 'called so often: ' || w.key)
FROM (VALUES ('callback', 1::bigint), ('errback first', 1), ('errback last', 1), ('01a00000-0000-7000-8000-00000000000a', 1),
    ('01a00000-0000-7000-8000-00000000000b', 1), ('errback many', 42), ('callbacks', 42), ('errbacks', 42), ('callback replaced', 1),
    ('errback replaced', 1), ('replaced callback', 1), ('replaced errback', 1)) AS w (key, times)
    LEFT JOIN echoed AS e USING (key) GROUP BY w.key, w.times ORDER BY w.key;
SELECT matches(message #>> '{}', 'Task expected to fail', 'an errback of three arguments gets the error') FROM echoed
WHERE key = '01a00000-0000-7000-8000-00000000000b';

-- A group is asked about by its id.
SELECT task_send(task_group(task_s('identity', 1), task_s('raise_error'), task_s('identity', 3))) AS id \gset
SELECT throws_matching(format('SELECT task_get(%L, timeout => %L)', :'id', '60 s'), 'deliberate error', 'task_get raises the member''s error');
SELECT throws_ok(format('SELECT task_get(%L)', :'id'), '22023', NULL, 'with its code');
SELECT ok(task_ready(:'id') AND task_failed(:'id') AND NOT task_successful(:'id'), 'ready and failed');
SELECT is(state || name, 'FAILURE' || 'celeriac.group', 'it is a row like others') FROM task_state WHERE id = :'id';
SELECT is(array_agg(state ORDER BY array_position('{[1],[],[3]}', args::text)), '{SUCCESS,FAILURE,SUCCESS}', 'its members ran')
FROM task_state WHERE group_id = :'id' AND name <> 'celeriac.group';
SELECT is(count(*), 3::bigint, 'its children are its members') FROM task_children(:'id');

-- Known from the start.
BEGIN;
SELECT task_send(task_group(task_s('identity', 1), task_s('identity', 2))) AS id \gset
SELECT is(count(*), 3::bigint, 'members and group are there when it is sent') FROM task_state WHERE id = :'id' OR group_id = :'id';
SELECT throws_ok(format('SELECT task_get(%L)', :'id'), 'TC009', NULL, 'and nobody waits for what he has not committed');
ROLLBACK;
SELECT is(count(*), 0::bigint, 'and gone with the transaction') FROM task_state WHERE id = :'id' OR group_id = :'id';

-- Each member sees who it belongs to.
SELECT try('ids in a group',
    task_si('ids', 1) | task_si('ids', 2) | task_group(VARIADIC ARRAY(SELECT task_si('ids', i) FROM generate_series(3, 49) AS i)), fails => '[[%') \g /dev/null
SELECT compare();
CREATE TEMP TABLE family AS SELECT s.* FROM task_state AS s
    WHERE root_id = (SELECT root_id FROM task_state WHERE id = tried('ids in a group')) AND name = 'ids';
SELECT is(array_agg(DISTINCT result ->> 0), ARRAY(SELECT id::text FROM family WHERE args = '[1]'), 'one root, the first') FROM family;
SELECT is(array_agg(DISTINCT result ->> 1), ARRAY(SELECT id::text FROM family WHERE args = '[2]'), 'one parent, the second') FROM family WHERE (args -> 0)::int > 2;
SELECT is(array_agg((result -> 2)::int ORDER BY result -> 2), ARRAY(SELECT generate_series(1, 49)), 'each once') FROM family;
SELECT is(array_agg((e -> 2)::int ORDER BY n), ARRAY(SELECT generate_series(3, 49)), 'in the order they were given')
FROM jsonb_array_elements(task_get(tried('ids in a group'))) WITH ORDINALITY AS a (e, n);

-- A column that somebody has added is no garbage.
ALTER TABLE task_edge ADD COLUMN note text;
CREATE TEMP TABLE noted AS SELECT task_send(task_group(task_s('identity', 1), task_s('identity', 2))) AS id;
SELECT results_eq('SELECT note FROM task_edge WHERE target = (SELECT id FROM noted)', ARRAY[NULL, NULL]::text[], 'a column more is NULL');
ALTER TABLE task_edge DROP COLUMN note;

SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
