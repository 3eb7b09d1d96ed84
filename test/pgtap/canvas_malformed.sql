-- canvas_malformed.sql
--      Guards against canvases that are sent and can never end: what is not a
--      canvas is refused by the cast or the send, and leaves nothing behind.

SELECT no_plan();
\ir include/canvas.psql

-- Signatures as text; what is wrong with each.
CREATE TEMP TABLE malformed (what text, sig text);
INSERT INTO malformed VALUES
    ('an unknown key', '{"task": "identity", "colour": "red"}'),
    ('an unknown key in a member', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [{"task": "identity", "colour": "red"}]}}'),
    ('an unknown kind', '{"task": "identity", "subtask_type": "tree"}'),
    ('a kind that is no text', '{"task": "celery.chain", "subtask_type": 1, "kwargs": {"tasks": []}}'),
    ('no task', '{"args": []}'),
    ('a member that is no signature', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [1]}}'),
    ('a member without a task', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [{"args": []}]}}'),
    ('members that are no list', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": 5}}'),
    ('a group without members', '{"task": "celery.group", "subtask_type": "group", "kwargs": {}}'),
    ('a chain without steps', '{"task": "celery.chain", "subtask_type": "chain", "kwargs": {}}'),
    ('a chain of nothing', '{"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": []}}'),
    ('a chain of a chain of nothing', '{"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": [{"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": []}}]}}'),
    ('a chord without a body', '{"task": "celery.chord", "subtask_type": "chord", "kwargs": {"header": [{"task": "identity"}]}}'),
    ('a chord without a header', '{"task": "celery.chord", "subtask_type": "chord", "kwargs": {"body": {"task": "identity"}}}'),
    ('a chord whose header is no list', '{"task": "celery.chord", "subtask_type": "chord", "kwargs": {"header": 1, "body": {"task": "identity"}}}'),
    ('a chord whose body is a list', '{"task": "celery.chord", "subtask_type": "chord", "kwargs": {"header": [{"task": "identity"}], "body": [{"task": "identity"}]}}'),
    ('a map without items', '{"task": "celery.map", "subtask_type": "xmap", "kwargs": {"task": {"task": "identity"}}}'),
    ('a map of items that are no list', '{"task": "celery.map", "subtask_type": "xmap", "kwargs": {"task": {"task": "identity"}, "it": 1}}'),
    ('a map of a group', '{"task": "celery.map", "subtask_type": "xmap", "kwargs": {"task": {"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": []}}, "it": [1]}}'),
    ('a starmap of items that are no arguments', '{"task": "celery.starmap", "subtask_type": "xstarmap", "kwargs": {"task": {"task": "identity"}, "it": [1]}}'),
    ('chunks of no size', '{"task": "celery.chunks", "subtask_type": "chunks", "kwargs": {"task": {"task": "identity"}, "it": [[1]], "n": 0}}'),
    ('chunks without a size', '{"task": "celery.chunks", "subtask_type": "chunks", "kwargs": {"task": {"task": "identity"}, "it": [[1]]}}'),
    ('a group where a task must be', '{"task": "identity", "options": {"link": [{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": 1}}]}}'),
    ('an id that is none', '{"task": "identity", "options": {"task_id": "forty-two"}}'),
    ('an id used twice', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [
        {"task": "identity", "options": {"task_id": "01a00000-0000-7000-8000-000000000001"}}, {"task": "identity", "options": {"task_id": "01a00000-0000-7000-8000-000000000001"}}]}}'),
    ('an id used twice far apart', '{"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": [
        {"task": "identity", "options": {"task_id": "01a00000-0000-7000-8000-000000000001"}}, {"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [
            {"task": "identity"}, {"task": "identity", "options": {"task_id": "01a00000-0000-7000-8000-000000000001"}}]}}]}}'),
    ('a countdown below nothing', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [{"task": "identity"}, {"task": "identity", "options": {"countdown": -1}}]}}'),
    ('a priority too high', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [{"task": "identity"}, {"task": "identity", "options": {"priority": 256}}]}}'),
    ('a queue without a name', '{"task": "celery.group", "subtask_type": "group", "kwargs": {"tasks": [{"task": "identity"}, {"task": "identity", "options": {"queue": ""}}]}}'),
    ('ten thousand deep', repeat('{"task": "celery.chain", "subtask_type": "chain", "kwargs": {"tasks": [{"task": "identity"}, ', 10000) || '{"task": "identity"}' || repeat(']}}', 10000)),
    ('a thousand deep', repeat('{"task": "celery.chord", "subtask_type": "chord", "kwargs": {"header": [{"task": "identity"}], "body": ', 1000) || '{"task": "identity"}' || repeat('}}', 1000)),
    ('a thousand links deep', repeat('{"task": "identity", "options": {"link": [', 1000) || '{"task": "identity"}' || repeat(']}}', 1000));

CREATE TEMP TABLE rows_before AS SELECT (SELECT count(*) FROM task_message) AS messages, (SELECT count(*) FROM task_edge) AS edges,
    (SELECT count(*) FROM task_result) AS results;
SELECT throws_matching(format('SELECT task_send(%L::jsonb::task_signature)', sig), '.', what) FROM malformed WHERE what NOT LIKE '%deep';
SELECT throws_matching(format('SELECT task_send(%L::jsonb::task_signature)', sig), 'deep|depth|nest|stack', what) FROM malformed WHERE what LIKE '%deep';
SELECT throws_matching(format('SELECT task_send(%L::task_signature)', sig), '.', 'as text: ' || what) FROM malformed;
SELECT throws_matching(format('SELECT task_send(task_s(''identity'', 1) | %L::task_signature)', sig), '.', 'in a chain: ' || what) FROM malformed
WHERE what NOT LIKE 'a chain of%nothing';
SELECT throws_matching(format('SELECT task_send(''identity'', ''[1]'', link => ARRAY[%L::task_signature])', sig), '.', 'as a link: ' || what) FROM malformed
WHERE what NOT LIKE 'an id used twice%';

-- Out of functions that can be called alright.
SELECT throws_ok('SELECT task_send(task_chain())', 'TC004', NULL, 'an empty chain');
SELECT throws_ok('SELECT task_send(task_group(task_chain()))', 'TC004', NULL, 'an empty chain in a group');
SELECT throws_ok('SELECT task_send(task_chord(task_group(task_s(''identity'', 1)), task_chain()))', 'TC004', NULL, 'an empty chain as body');
SELECT throws_ok('SELECT task_send(task_chunks(''identity'', ''[[1]]'', 0))', 'TC004', NULL, 'chunks of nothing');
SELECT throws_ok('SELECT task_send(task_map(''identity'', ''1''))', 'TC004', NULL, 'a map of no list');
SELECT throws_ok('SELECT task_send(task_starmap(''identity'', ''[1]''))', 'TC004', NULL, 'a starmap of no lists');
SELECT throws_ok($$SELECT task_send(task_group(task_s('identity', 1), task_sig('identity', '[1]', options => '{"task_id": "01a00000-0000-7000-8000-000000000002"}'),
    task_sig('identity', '[1]', options => '{"task_id": "01a00000-0000-7000-8000-000000000002"}')))$$, NULL, NULL, 'an id twice');
SELECT throws_ok($$SELECT task_send(task_set(task_s('identity', 1), '{"task_id": "01a00000-0000-7000-8000-000000000003"}') | task_si('identity', 1),
    id => '01a00000-0000-7000-8000-000000000003')$$, NULL, NULL, 'an id twice, one of them given to task_send');
SELECT throws_ok('SELECT task_send(task_group(task_s(''identity'', 1)), args => ''1'')', 'TC004', NULL, 'arguments that are no list');
SELECT throws_ok('SELECT task_send(task_group(task_s(''identity'', 1)), kwargs => ''[]'')', 'TC004', NULL, 'keyword arguments that are no object');
SELECT throws_ok('SELECT task_send(task_s(''identity'', 1) | task_s(''identity''), countdown => ''-1 s'')', 'TC004', NULL, 'a time in the past');
SELECT throws_ok('SELECT task_send(task_s(''identity'', 1) | task_s(''identity''), priority => 1000)', 'TC004', NULL, 'a priority too high');

SELECT is((SELECT count(*) FROM task_message), messages, 'no message was left') FROM rows_before;
SELECT is((SELECT count(*) FROM task_edge), edges, 'no edge') FROM rows_before;
SELECT is((SELECT count(*) FROM task_result), results, 'no result') FROM rows_before;

-- An id in use: the canvas is refused whole.
SELECT task_send('identity', '[1]', id => '01a00000-0000-7000-8000-000000000004') AS id \gset
SELECT task_get(:'id', timeout => '60 s') \g /dev/null
SELECT throws_ok($$SELECT task_send(task_group(task_s('identity', 1), task_sig('identity', '[1]', options => '{"task_id": "01a00000-0000-7000-8000-000000000004"}')))$$,
    'TC003', NULL, 'an id in use');
SELECT is((SELECT count(*) FROM task_message) + (SELECT count(*) FROM task_edge), 0::bigint, 'nothing was left of it');

-- Signatures that Celery serialised.
SELECT try('a chord as Celery writes it', '{"task": "celery.chord", "args": [], "kwargs": {"kwargs": {}, "header": [
        {"task": "add", "args": [1, 2], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false},
        {"task": "add", "args": [3, 4], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}],
    "body": {"task": "xsum", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}},
    "options": {}, "subtask_type": "chord", "immutable": false}', '10') \g /dev/null
SELECT try('one with a group as header', '{"task": "celery.chord", "args": [], "kwargs": {"kwargs": {}, "header": {"task": "celery.group", "args": [], "kwargs": {"tasks": [
        {"task": "add", "args": [1, 2], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}]}, "options": {}, "subtask_type": "group", "immutable": false},
    "body": {"task": "xsum", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}}, "options": {}, "subtask_type": "chord", "immutable": false}', '3') \g /dev/null
SELECT try('a chain', '{"task": "celery.chain", "args": [], "kwargs": {"tasks": [
        {"task": "add", "args": [1, 2], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false},
        {"task": "celery.group", "args": [], "kwargs": {"tasks": [{"task": "add", "args": [3], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false},
            {"task": "add", "args": [4], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}]}, "options": {}, "subtask_type": "group", "immutable": false},
        {"task": "tsum", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}]},
    "options": {}, "subtask_type": "chain", "immutable": false}', '13') \g /dev/null
SELECT try('a map', '{"task": "celery.map", "args": [], "kwargs": {"task": {"task": "tsum", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false},
    "it": [[1, 2], [3]]}, "options": {}, "subtask_type": null, "immutable": true}', '[3, 3]') \g /dev/null
SELECT try('a starmap', '{"task": "celery.starmap", "args": [], "kwargs": {"task": {"task": "add", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false},
    "it": [[1, 2], [3, 4]]}, "options": {}, "subtask_type": null, "immutable": true}', '[3, 7]') \g /dev/null
SELECT try('chunks', '{"task": "celery.chunks", "args": [], "kwargs": {"task": {"task": "add", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false},
    "it": [[1, 2], [3, 4], [5, 6]], "n": 2}, "options": {}, "subtask_type": null, "immutable": true}', '[[3, 7], [11]]') \g /dev/null

-- Every nesting of two survives text and back.
SELECT try(a.what || ' of ' || b.what,
    (CASE a.what WHEN 'chain' THEN task_chain(b.sig) WHEN 'group' THEN task_group(b.sig) WHEN 'chord' THEN task_chord(task_group(b.sig), task_s('identity')) END)::text::task_signature,
    CASE a.what WHEN 'chain' THEN '2' ELSE '[2]' END::jsonb)
FROM (VALUES ('chain'), ('group'), ('chord')) AS a (what), (VALUES ('chain', task_chain(task_s('add', 1, 1))), ('group', task_group(task_s('add', 1, 1))),
    ('chord', task_chord(task_group(task_s('add', 1, 1)), task_s('tsum')))) AS b (what, sig) \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
