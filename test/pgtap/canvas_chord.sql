-- canvas_chord.sql
--      Guards against chords that hang, fire twice, or mix up their header's
--      results; what is expected is what Celery gives.

SELECT no_plan();
\ir include/canvas.psql

SELECT try('a chord', task_chord(task_group(task_si('add', 1, 1), task_si('add', 1, 1)), task_s('tsum')), '4') \g /dev/null
SELECT try('a group before a task', task_group(task_si('add', 1, 1), task_si('add', 1, 1)) | task_s('tsum'), '4') \g /dev/null
SELECT try('in the order of the header', task_chord(task_group(VARIADIC ARRAY(SELECT task_si('identity', i) FROM generate_series(0, 9) AS i)), task_s('identity')),
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]') \g /dev/null
SELECT try('whoever ends first', task_chord(task_group(task_s('retry_once'), task_s('identity', 0), task_s('retry_once'), task_s('identity', 2)), task_s('identity')),
    '[1, 0, 1, 2]') \g /dev/null
SELECT try('a single task as header', task_chord(task_s('identity', 42), task_s('identity')), '[42]') \g /dev/null
SELECT try('a header of one', task_chord(task_group(task_s('add', 2, 5)), task_s('add_to_all', 9)), '[16]') \g /dev/null
SELECT try('a group of one before a task', task_group(task_s('add', 2, 5)) | task_s('add_to_all', 9), '[16]') \g /dev/null
SELECT try('an empty header', task_chord(task_group(), task_s('add_to_all', 9)), '[]') \g /dev/null
SELECT try('an empty group before a task', task_group() | task_s('add_to_all', 9), '[]') \g /dev/null
SELECT try('an empty header inside a group', task_group(task_chord(task_group(), task_s('tsum')), task_s('identity', 1)), '[0, 1]') \g /dev/null
SELECT try('a body that takes nothing', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_si('identity', 'body')), '"body"') \g /dev/null
SELECT try('a thousand', task_group(VARIADIC ARRAY(SELECT task_si('identity', i) FROM generate_series(0, 999) AS i)) | task_s('tsum'), '499500') \g /dev/null
SELECT try('a thousand after a task', task_si('identity', 1) | task_group(VARIADIC array_fill(task_s('identity'), '{1000}')) | task_s('tsum'), '1000') \g /dev/null
SELECT try('arguments to the header', task_chord(task_group(task_s('add', 1), task_s('add', 2)), task_s('tsum')), '23', args => '[10]') \g /dev/null
SELECT try('a task, a group, a replaced task', task_s('add', 2, 2) | task_group(VARIADIC ARRAY(SELECT task_s('add', i) FROM generate_series(0, 3) AS i)) | task_s('add_to_all', 8),
    '[12, 13, 14, 15]') \g /dev/null

-- Bodies.
SELECT try('a group as body', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_group(task_s('tsum'), task_s('identity'))), '[3, [1, 2]]') \g /dev/null
SELECT try('a chain as body', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_s('tsum') | task_s('add', 1)), '4') \g /dev/null
SELECT try('a chord as body', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)),
    task_chord(task_group(task_s('tsum'), task_s('tsum')), task_s('tsum'))), '6') \g /dev/null
SELECT try('a group before a group', task_group(task_s('identity', 1), task_s('identity', 2)) | task_group(task_s('tsum'), task_s('identity')), '[3, [1, 2]]') \g /dev/null
SELECT try('a chord before a task', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_s('tsum')) | task_s('add', 10), '13') \g /dev/null
SELECT try('a chord before a group of one', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_s('tsum')) | task_group(task_s('add', 10)), '13') \g /dev/null
SELECT try('a chord before a group', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_s('tsum')) | task_group(task_s('add', 10), task_s('add', 20)),
    '[13, 23]') \g /dev/null
SELECT try('a chord before a chord', task_chord(task_group(task_s('identity', 1), task_s('identity', 2)), task_s('tsum'))
    | task_chord(task_group(task_s('add', 10), task_s('add', 20)), task_s('tsum')), '36') \g /dev/null

-- Nested.
SELECT try('chords in a header', task_chord(task_group(
        task_chord(task_group(task_s('add', 1, 2), task_s('add', 3, 4)), task_s('add', '[5]'::jsonb)),
        task_chord(task_group(task_s('add', 6, 7)), task_s('add', '[10]'::jsonb))), task_s('add_to_all', '["A"]'::jsonb)),
    '[[3, 7, 5, "A"], [13, 10, "A"]]') \g /dev/null
SELECT try('the same by |', task_group(
        task_group(task_s('add', 1, 2), task_s('add', 3, 4)) | task_s('add', '[5]'::jsonb),
        task_group(task_s('add', 6, 7)) | task_s('add', '[10]'::jsonb)) | task_s('add_to_all', '["A"]'::jsonb),
    '[[3, 7, 5, "A"], [13, 10, "A"]]') \g /dev/null
SELECT try('groups of one, four deep',
    task_group(task_group(task_group(task_group(task_s('add', 1, 2)) | task_s('add', '[3]'::jsonb)) | task_s('add', '[4]'::jsonb)) | task_s('add', '[5]'::jsonb)) | task_s('add', '[6]'::jsonb),
    '[[[[3, 3], 4], 5], 6]') \g /dev/null
SELECT try('chains with chords in a header', task_chord(task_group(
        task_chain(task_si('add', 1, 2), task_chord(task_group(task_si('add', 1, 2), task_si('add', 1, 2)), task_si('add', 1, 2))),
        task_chain(task_si('add', 1, 2), task_chord(task_group(task_si('add', 1, 2), task_si('add', 1, 2)), task_si('add', 1, 2)))),
    task_si('add', 2, 2)), '4') \g /dev/null
SELECT try('chain, chord, chain, chord', task_chain(task_si('identity', 1), task_chord(task_group(task_si('identity', 2),
        task_chain(task_si('identity', 3), task_chord(task_group(task_si('identity', 4), task_si('identity', 5)), task_si('identity', 6)))), task_si('identity', 7))), '7') \g /dev/null
SELECT try('a group in a header is unrolled', task_chord(task_group(task_group(task_s('identity', 42), task_s('identity', 43))), task_s('identity')), '[42, 43]') \g /dev/null
SELECT try('a chain that ends in a group is not',
    task_chord(task_group(task_chain(task_s('identity', 42), task_group(task_s('identity'), task_s('identity')))), task_s('identity')), '[[42, 42]]') \g /dev/null
SELECT try('a header of tasks, chains and groups', task_chord(task_group(task_s('identity', 1), task_s('identity', 2) | task_s('add', 1),
        task_group(task_s('identity', 4), task_s('identity', 5)), task_s('identity', 6) | task_group(task_s('add', 0), task_s('add', 1))), task_s('identity')),
    '[1, 3, 4, 5, [6, 7]]') \g /dev/null

-- Replaced and extended.
SELECT try('chords of replaced tasks', task_chord(task_group(
        task_chord(task_group(task_s('add', 1, 2), task_s('add_replaced', 3, 4)), task_s('add_to_all', 5)) | task_s('tsum'),
        task_chord(task_group(task_s('add_replaced', 6, 7), task_s('add', 0, 0)), task_s('add_to_all', 8)) | task_s('tsum')), task_s('add_to_all', 9)),
    '[29, 38]') \g /dev/null
SELECT try('a header replaced by a chain', task_chord(task_group(task_si('replace_with_chain', 42)), task_s('identity')), '[42]') \g /dev/null
SELECT try('the first of it', task_chord(task_group(task_si('replace_with_chain', 42), task_s('identity', 1337)), task_s('identity')), '[42, 1337]') \g /dev/null
SELECT try('the middle', task_chord(task_group(task_s('identity', 42), task_s('replace_with_chain', 1337), task_s('identity', 31337)), task_s('identity')), '[42, 1337, 31337]') \g /dev/null
SELECT try('the last', task_chord(task_group(task_s('identity', 42), task_s('replace_with_chain', 1337)), task_s('identity')), '[42, 1337]') \g /dev/null
SELECT try('the body', task_chord(task_group(task_s('identity', 42)), task_s('replace_with_chain')), '[42]') \g /dev/null
SELECT try('the first of a body', task_chord(task_group(task_s('identity', 42)), task_chain(task_s('replace_with_chain'), task_s('identity'))), '[42]') \g /dev/null
SELECT try('the middle of a body', task_chord(task_group(task_s('identity', 42)), task_chain(task_s('identity'), task_s('replace_with_chain'), task_s('identity'))), '[42]') \g /dev/null
SELECT try('the last of a body', task_chord(task_group(task_s('identity', 42)), task_chain(task_s('identity'), task_s('replace_with_chain'))), '[42]') \g /dev/null
SELECT try('a task adds to its chord', task_group(task_s('add_to_all_to_chord', '[1, 2, 3]'::jsonb, 4)) | task_s('identity'), '[0, 5, 6, 7]') \g /dev/null
SELECT try('a task adds a chord to its chord', task_group(task_s('add_chord_to_chord', '[1, 2, 3]'::jsonb, 4)) | task_s('identity'), '[0, 18]') \g /dev/null
SELECT try('nobody adds to no chord', task_s('add_to_all_to_chord', '[1]'::jsonb, 4), fails => 'TC%') \g /dev/null

-- A soft time limit that the task catches.
CREATE FUNCTION delayed_sum_with_soft_guard(nums jsonb) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(60);
    RETURN tsum(nums);
EXCEPTION WHEN query_canceled THEN
    RETURN 0;
END $$;
SELECT task_register('delayed_sum_with_soft_guard(jsonb)'::regprocedure) \g /dev/null
SELECT try('a soft limit in the header is managed by the task',
    task_chord(task_group(task_s('add', 1, 2), task_set(task_s('delayed_sum_with_soft_guard', '[100]'::jsonb), '{"soft_time_limit": 0.5}')), task_s('tsum')), '3') \g /dev/null

-- Results that nobody asks for reach the body all the same.
SELECT try('ignored results', task_chord(task_group(task_set(task_s('identity', 1), '{"ignore_result": true}'), task_s('identity', 2)), task_s('tsum')), '3') \g /dev/null
SELECT try('also in a chain', task_set(task_s('identity', 1), '{"ignore_result": true}') | task_s('add', 1), '2') \g /dev/null
SELECT compare();

-- Ids.
SELECT try('ids in a chord', task_chain(task_si('ids', 1), task_si('ids', 2),
    task_chord(task_group(VARIADIC ARRAY(SELECT task_si('ids', i) FROM generate_series(3, 49) AS i)), task_chain(task_s('collect_ids', 50) | task_si('ids', 51)))), fails => '[%, 51]') \g /dev/null
SELECT try('ids in a chord by |', task_si('ids', 1) | task_si('ids', 2) | task_group(VARIADIC ARRAY(SELECT task_si('ids', i) FROM generate_series(3, 49) AS i))
    | task_s('collect_ids', 50) | task_si('ids', 51), fails => '[%, 51]') \g /dev/null
SELECT compare();
CREATE TEMP TABLE family AS
    SELECT t.what, CASE s.name WHEN 'ids' THEN s.result WHEN 'collect_ids' THEN s.result -> 1 END AS saw, s.*
    FROM tried AS t JOIN task_state AS l ON l.id = t.id JOIN task_state AS s ON s.root_id = l.root_id
    WHERE t.what LIKE 'ids in%';
SELECT is(count(*), 52::bigint, what || ': tasks and a group') FROM family GROUP BY what ORDER BY what;
SELECT is(array_agg(DISTINCT f.saw ->> 0), ARRAY[first.id::text], f.what || ': one root, the first')
FROM family AS f JOIN family AS first ON first.what = f.what AND first.saw -> 2 = '1' WHERE f.saw IS NOT NULL GROUP BY f.what, first.id ORDER BY f.what;
SELECT is(count(*) FILTER (WHERE p.saw -> 2 = CASE WHEN (f.saw -> 2)::int BETWEEN 3 AND 49 THEN '2' ELSE to_jsonb((f.saw -> 2)::int - 1) END
        OR f.saw -> 2 = '50' AND (p.saw -> 2)::int BETWEEN 3 AND 49 OR f.saw -> 2 = '1' AND p.id IS NULL), 51::bigint,
    f.what || ': the parent is the task before, the body''s one of the header')
FROM family AS f LEFT JOIN family AS p ON p.what = f.what AND p.id::text = f.saw ->> 1 WHERE f.saw IS NOT NULL GROUP BY f.what ORDER BY f.what;
SELECT is(count(DISTINCT group_id), 1::bigint, what || ': one group') FROM family WHERE (saw -> 2)::int BETWEEN 3 AND 49 GROUP BY what ORDER BY what;
SELECT is((SELECT array_agg(e -> 2 ORDER BY n) FROM jsonb_array_elements(result -> 0) WITH ORDINALITY AS a (e, n)), ARRAY(SELECT to_jsonb(generate_series(3, 49))),
    what || ': the header in order') FROM family WHERE name = 'collect_ids' ORDER BY what;

-- Two finishers at once, often: each body fires once.
SELECT try('chord ' || i, task_chord(task_group(task_si('count_up', 'header'), task_si('count_up', 'header'), task_si('count_up', 'header')), task_si('count_up', 'body')), 'null')
FROM generate_series(1, 200) AS i \g /dev/null
SELECT is(count(DISTINCT outcome(id, now() + '60 s')), 1::bigint, 'two hundred chords at once') FROM tried WHERE open;
SELECT is(string_agg(key || n, ' '), 'body200 header600', 'each task ran once') FROM (SELECT key, count(*) AS n FROM echoed GROUP BY key ORDER BY key) AS e;

SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
