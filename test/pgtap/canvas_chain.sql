-- canvas_chain.sql
--      Guards against chains that lose a step, run one twice, or hand the wrong
--      result on; what is expected is what Celery gives.

SELECT no_plan();
\ir include/canvas.psql

SELECT try('tasks', task_s('add', 4, 4) | task_s('add', 8) | task_s('add', 16), '32') \g /dev/null
SELECT try('one task', task_chain(task_s('add', 3, 4)), '7') \g /dev/null
SELECT try('a chain of a chain of one', task_chain(task_chain(task_s('identity', 42))), '42') \g /dev/null
SELECT try('a chain in the middle, a replaced task in it, a group at the end',
    task_s('add', 2, 2) | (task_s('add', 4) | task_s('add_replaced', 8) | task_s('add', 16) | task_s('add', 32))
        | task_group(task_s('add', 0), task_s('add', 1), task_s('add', 2), task_s('add', 3)), '[64, 65, 66, 67]') \g /dev/null
SELECT try('a chain inside a group receives arguments',
    task_s('add', 5, 6) | task_group(task_s('add', 1) | task_s('add', 2), task_s('add', 3)), '[14, 14]') \g /dev/null
SELECT try('a group that ends a chain inside a group is a list in the list',
    task_group(task_si('identity', 1), task_si('identity', 2),
        task_chain(task_si('identity', 5), task_group(task_si('identity', 3), task_si('identity', 4)))), '[1, 2, [3, 4]]') \g /dev/null
SELECT try('a group of nothing but a chain that ends in a group is that group',
    task_group(task_s('add', 1, 2) | task_group(task_s('add', 1), task_s('add', 2))), '[4, 5]') \g /dev/null
SELECT try('immutable steps take nothing',
    task_s('add', 1, 1) | task_si('add', 2, 3) | task_si('identity', 'last'), '"last"') \g /dev/null
SELECT try('null is handed on as a result',
    task_si('identity', NULL) | task_s('build', 1), '[null, 1]') \g /dev/null
SELECT try('a retry in the middle', task_s('add', 1, 1) | task_s('retry_once') | task_s('add', 10), '11') \g /dev/null

-- Groups in chains become chords.
SELECT try('a task, a group and a chord',
    task_si('add', 1, 0) | task_group(task_s('add', 1), task_s('add', 1)) | task_group(task_s('tsum'), task_s('tsum')) | task_s('tsum'), '8') \g /dev/null
SELECT try('chords as groups, each followed by a task',
    task_si('add', 1, 0) | task_group(task_s('add', 1), task_s('add', 1)) | task_s('tsum') | task_s('add', 1)
        | task_group(task_s('add', 1), task_s('add', 1)) | task_s('tsum'), '12') \g /dev/null
SELECT try('chords as groups and one written as a chord',
    task_si('add', 1, 0) | task_group(task_s('add', 1), task_s('add', 1)) | task_s('tsum') | task_s('add', 1)
        | task_chord(task_group(task_s('add', 1), task_s('add', 1)), task_s('tsum')), '12') \g /dev/null
SELECT try('two chains of three chords',
    task_chain(
        task_chord(task_group(task_si('add', 1, 0), task_si('add', 1, 0)), task_s('tsum')),
        task_chord(task_group(task_s('add', 1), task_s('add', 1)), task_s('tsum')),
        task_chord(task_group(task_s('add', 0), task_s('add', 0)), task_s('tsum')))
    | task_chain(
        task_chord(task_group(task_s('add', 10), task_s('add', 10)), task_s('tsum')),
        task_chord(task_group(task_s('add', 0), task_s('add', 0)), task_s('tsum')),
        task_chord(task_group(task_s('add', 1), task_s('add', 1)), task_s('tsum'))), '178') \g /dev/null
SELECT try('nine chords',
    task_chain(VARIADIC
        ARRAY[task_chord(task_group(task_si('add', 1, 0), task_si('add', 1, 0), task_si('add', 1, 0)), task_s('tsum'))]
        || array_fill(task_chord(task_group(task_s('add', 1), task_s('add', 1), task_s('add', 1)), task_s('tsum')), '{7}')
        || task_chord(task_group(task_s('add', 0), task_s('add', 0), task_s('add', 0)), task_s('tsum'))), '29520') \g /dev/null
SELECT try('a chord and ' || n || ' tasks and a group',
    task_chain(VARIADIC ARRAY[task_group(task_s('add', 1, 1), task_s('add', 1, 1)), task_s('tsum')]
        || array_fill(task_s('add', 1), ARRAY[n]) || task_group(task_s('add', 1), task_s('add', 1))),
    jsonb_build_array(n + 5, n + 5))
FROM generate_series(1, 3) AS n \g /dev/null
SELECT try('a task, a chord, a task, a group',
    task_si('add', 1, 0) | task_group(task_s('add', 1), task_s('add', 1)) | task_s('tsum') | task_s('add', 1)
        | task_group(task_s('add', 1), task_s('add', 1)), '[6, 6]') \g /dev/null
SELECT try('a lone group', task_chain(task_group(task_s('identity', 42), task_s('identity', 42))), '[42, 42]') \g /dev/null
SELECT try('a group in the middle',
    task_chain(task_s('identity', 42), task_group(task_s('identity'), task_s('identity')), task_s('identity')), '[42, 42]') \g /dev/null
SELECT try('a group at the end', task_chain(task_s('identity', 42), task_group(task_s('identity'), task_s('identity'))), '[42, 42]') \g /dev/null
SELECT try('groups nested in a chain of a group',
    task_chain(task_si('add', 1, 0),
        task_group(task_si('add', 1, 100), task_chain(task_si('add', 1, 200), task_group(task_si('add', 1, 1000), task_si('add', 1, 2000)))),
        task_si('add', 1, 10)), '11') \g /dev/null
SELECT try('a group in the center of a chain that is a chord''s body',
    task_chord(task_group(task_s('add', 0, 1)),
        task_chord(task_group(task_s('tsum'), task_s('tsum')),
            task_chain(task_s('tsum'), task_group(task_s('add', 8), task_s('add', 16)), task_s('tsum') | task_s('add', 32)))), '60') \g /dev/null
SELECT try('an empty group before a task gives it an empty list', task_chain(task_s('add', 1, 1), task_group(), task_s('add', '[2]'::jsonb)), '[2]') \g /dev/null
SELECT try('in a chain that was written down it is skipped', '{"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": [
    {"task": "add", "args": [1, 1]}, {"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": []}}, {"task": "add", "args": [2]}]}}', '4') \g /dev/null
SELECT try('empty groups after a group are', task_chain(task_group(task_s('add', 2, 2), task_s('add', 4, 4)), task_group(), task_group()), '[4, 8]') \g /dev/null
SELECT try('and one after a task and a group', task_si('add', 1, 1) | task_group(task_si('add', 2, 2), task_si('add', 3, 3)) | task_group(), '[4, 6]') \g /dev/null

-- What task_send gives goes to the first.
SELECT try('arguments to the first', task_chain(task_s('add', 1), task_s('add', 1)), '7', args => '[5]') \g /dev/null
SELECT try('arguments to the chain inside a chain', task_chain(task_chain(task_s('identity'), task_s('identity'))), '1', args => '[1]') \g /dev/null
SELECT try('arguments to the chord that begins a chain',
    task_chain(task_chord(task_group(task_s('identity'), task_s('identity')), task_s('identity')), task_s('identity')), '[1, 1]', args => '[1]') \g /dev/null
SELECT try('keyword arguments to the first',
    task_s('add', 2, 2) | task_group(task_s('add', 0), task_s('add', 1), task_s('add', 2), task_s('add', 3)) | task_s('add_to_all', 8),
    '[13, 14, 15, 16]', kwargs => '{"z": 1}') \g /dev/null
SELECT try('both to a chord that begins',
    task_group(task_s('add', 0), task_s('add', 1), task_s('add', 2), task_s('add', 3)) | task_s('add_to_all', 8),
    '[13, 14, 15, 16]', args => '[4]', kwargs => '{"z": 1}') \g /dev/null

-- Priorities are each step's own.
SELECT try('priority of one', task_chain(task_set(task_s('return_priority'), '{"priority": 3}')), '"Priority: 3"') \g /dev/null
SELECT try('priority of the last',
    task_set(task_s('return_priority'), '{"priority": 3}') | task_set(task_s('return_priority'), '{"priority": 5}'), '"Priority: 5"') \g /dev/null

-- Failures.
SELECT try('a step fails', task_chain(task_s('add', 1, 2), task_s('fail'), task_s('add', 3, 4)), fails => '%UpstreamError%Task expected to fail%') \g /dev/null
SELECT try('the last step fails', task_s('add', 1, 2) | task_s('fail'), fails => 'P0001%Task expected to fail') \g /dev/null
SELECT try('a step fails before a group',
    task_s('add', 1, 1) | task_s('fail') | task_group(task_s('add', 1), task_s('add', 1)), fails => '%Task expected to fail%') \g /dev/null
SELECT try('a member of the last group fails',
    task_s('add', 1, 1) | task_s('add', 1) | task_group(task_s('add', 1), task_s('fail')), fails => '%Task expected to fail') \g /dev/null
SELECT try('a step is ignored', task_si('ignored') | task_s('add', 1), fails => '%UpstreamError%IGNORED%') \g /dev/null
SELECT try('a step is rejected', task_si('rejected') | task_s('add', 1), fails => '%UpstreamError%REJECTED%') \g /dev/null

-- Ids: the first is the root, each the parent of the next.
SELECT try('a chain of ten', task_chain(VARIADIC ARRAY(SELECT task_si('ids', i) FROM generate_series(0, 9) AS i)),
    fails => '[%, 9]') \g /dev/null
SELECT compare();

CREATE TEMP TABLE ten AS
    SELECT row_number() OVER (ORDER BY result -> 2) - 1 AS i, s.* FROM task_state AS s
    WHERE root_id = (SELECT root_id FROM task_state WHERE id = tried('a chain of ten'));
SELECT is(array_agg(result -> 2 ORDER BY i), ARRAY(SELECT to_jsonb(i) FROM generate_series(0, 9) AS i), 'ten steps, each once') FROM ten;
SELECT is(count(DISTINCT result -> 0), 1::bigint, 'tasks see one root') FROM ten;
SELECT is(id, root_id, 'which is the first') FROM ten WHERE i = 0;
SELECT is(result -> 1, 'null', 'without a parent') FROM ten WHERE i = 0;
SELECT is(b.result ->> 1, a.id::text, 'task ' || b.i || ' has the one before as parent') FROM ten AS a JOIN ten AS b ON b.i = a.i + 1 ORDER BY b.i;
SELECT is(b.parent_id, a.id, 'and its row says so: ' || b.i) FROM ten AS a JOIN ten AS b ON b.i = a.i + 1 ORDER BY b.i;

-- Steps that never ran are as failed as the one they waited for.
SELECT is(array_agg(state ORDER BY id), '{SUCCESS,FAILURE,FAILURE}', 'the rest of a chain fails with its step')
FROM task_state WHERE root_id = (SELECT root_id FROM task_state WHERE id = tried('a step fails'));

-- Groups and links inside, in order.
SELECT try('group, task, group',
    task_group(VARIADIC ARRAY(SELECT task_si('echo', 'before ' || i, 'order') FROM generate_series(0, 2) AS i))
    | task_si('echo', 'connect', 'order') | task_group(VARIADIC ARRAY(SELECT task_si('echo', 'after ' || i, 'order') FROM generate_series(0, 1) AS i)),
    '["after 0", "after 1"]') \g /dev/null
SELECT compare();
SELECT is(string_agg(split_part(message #>> '{}', ' ', 1), ' ' ORDER BY n), 'before before before connect after after', 'in this order')
FROM echoed WHERE key = 'order';

-- Chains of groups that once ran their tasks many times.
CREATE FUNCTION digits(key text, a int, b int) RETURNS task_signature[] LANGUAGE sql AS
$$ SELECT ARRAY(SELECT task_si('echo', i, key) FROM generate_series(a, b) AS i) $$;
SELECT try('groups, two of one', task_chain(task_group(VARIADIC digits('a', 1, 3)), task_group(VARIADIC digits('a', 4, 6)),
    task_group(VARIADIC digits('a', 7, 7)), task_group(VARIADIC digits('a', 8, 8)), task_si('echo', 9, 'a'), task_si('echo', 10, 'a')), '10') \g /dev/null
SELECT try('a chord with a group as body first', task_chain(task_chord(task_group(VARIADIC digits('b', 1, 3)), task_group(VARIADIC digits('b', 4, 6))),
    task_group(VARIADIC digits('b', 7, 7)), task_group(VARIADIC digits('b', 8, 8)), task_si('echo', 9, 'b'), task_si('echo', 10, 'b')), '10') \g /dev/null
SELECT try('mixed', task_chain(task_chord(task_group(VARIADIC digits('c', 1, 3)), task_group(VARIADIC digits('c', 4, 6))),
    task_si('echo', 7, 'c'), task_group(VARIADIC digits('c', 8, 8)), task_si('echo', 9, 'c'), task_si('echo', 10, 'c')), '10') \g /dev/null
SELECT try('three groups and a task', task_chain(task_group(VARIADIC digits('d', 1, 2)), task_group(VARIADIC digits('d', 3, 5)),
    task_group(VARIADIC digits('d', 6, 9)), task_si('echo', 10, 'd')), '10') \g /dev/null
SELECT try('three groups and a group of one', task_chain(task_group(VARIADIC digits('e', 1, 2)), task_group(VARIADIC digits('e', 3, 5)),
    task_group(VARIADIC digits('e', 6, 9)), task_group(task_si('echo', 10, 'e'))), '10') \g /dev/null
SELECT try('groups in a chord in a chain',
    task_chain(task_group(VARIADIC digits('f', 1, 4)) | task_group(VARIADIC digits('f', 5, 8)), task_si('echo', 9, 'f') | task_si('echo', 10, 'f')), '10') \g /dev/null
SELECT compare();
SELECT is(array_agg(message::int ORDER BY message::int), '{1,2,3,4,5,6,7,8,9,10}', 'each ran once: ' || key) FROM echoed WHERE length(key) = 1 GROUP BY key ORDER BY key;

-- Loops that share one signature.
SELECT try('42 times the same', task_chain(VARIADIC array_fill(task_link(task_si('identity', 1337), task_si('count_up', 'links')), '{42}')), '1337') \g /dev/null
SELECT try('42 times the same failure', task_chain(VARIADIC array_fill(task_on_error(task_si('fail'), task_si('count_up', 'errbacks')), '{42}')),
    fails => '%Task expected to fail%') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is(count(*), 42::bigint, 'each step has its link') FROM echoed WHERE key = 'links';
SELECT is(count(*), 1::bigint, 'only what ran and failed has its errback') FROM echoed WHERE key = 'errbacks';

-- Links of an inner chain stay with its last task when it is flattened.
SELECT try('a chain with links inside a chain',
    task_chain(task_on_error(task_link(task_chain(task_s('identity', 'a'), task_s('add', 'b')), task_si('echo', 'link b called', 'link b')), task_s('identity', 'link ab')),
        task_s('add', 'c')), '"abc"') \g /dev/null
SELECT try('a chain with a link', task_link(task_s('add', 1, 1) | task_s('add', 1), task_s('echo', 'link of chain')), '3') \g /dev/null
SELECT try('a chain with an errback that succeeds',
    task_on_error(task_chain(task_group(task_s('add', 1, 2), task_s('add', 3, 4)), task_s('tsum')), task_s('errback_old_style')), '10') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is(array_agg(message), ARRAY['"link b called"'::jsonb], 'its link is called once') FROM echoed WHERE key = 'link b';
SELECT is(array_agg(message), ARRAY['3'::jsonb], 'the link of a chain gets its result') FROM echoed WHERE key = 'link of chain';

-- The id of a chain is that of its last task; it can be given.
SELECT task_send(task_s('add', 1, 1) | task_s('add', 2), id => '01a00000-0000-7000-8000-000000000001') AS id \gset
SELECT is(:'id'::uuid, '01a00000-0000-7000-8000-000000000001', 'the id that was given');
SELECT is(task_get(:'id', timeout => '60 s'), '4', 'is the last task''s');
SELECT task_send(task_s('add', 4) | task_set(task_s('add', 2), '{"task_id": "01a00000-0000-7000-8000-000000000042"}'), '[1]') AS id \gset
SELECT is(:'id'::uuid, '01a00000-0000-7000-8000-000000000042', 'also when the last task has it in its options');
SELECT is(task_get(:'id', timeout => '60 s'), '7', 'and it is the last one''s result');

-- Not before its time.
SELECT task_send(task_chain(task_group(task_s('add', 1, 2), task_s('add', 3, 4)), task_s('tsum')), countdown => '1 s') AS id \gset
SELECT is(task_get(:'id', timeout => '60 s'), '10', 'a canvas with a countdown');
SELECT cmp_ok(min(started_at) - min(sent_at), '>=', interval '1 s', 'begins then')
FROM task_state WHERE root_id = (SELECT root_id FROM task_state WHERE id = :'id') AND started_at IS NOT NULL;

SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
