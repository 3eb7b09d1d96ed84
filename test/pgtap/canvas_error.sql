-- canvas_error.sql
--      Guards against failures that are lost on their way up a canvas, and
--      callbacks called too often or not at all; what is expected is what
--      Celery gives.

SELECT no_plan();
\ir include/canvas.psql

-- The body of a chord fails with the header, whatever fails in it.
CREATE TEMP TABLE broken (what text, sig task_signature);
INSERT INTO broken VALUES
    ('a task', task_s('fail')),
    ('a chain before its end', task_chain(task_si('identity', 42), task_s('fail'), task_si('identity', 42))),
    ('a chain at its end', task_chain(task_si('identity', 42), task_s('fail'))),
    ('a group', task_group(task_si('identity', 42), task_s('fail'))),
    ('a group of many', task_group(VARIADIC times(8, task_si('identity', 42)) || times(42, task_s('fail')))),
    ('a chord''s header', task_chord(task_group(task_si('identity', 1), task_si('fail')), task_si('identity', 2))),
    ('a chord''s body', task_chord(task_group(task_si('identity', 1), task_si('identity', 1)), task_s('fail'))),
    ('a replaced task', task_si('fail_replaced')),
    ('a chain of one that fails and a group', task_chain(task_si('fail'), task_group(task_si('identity', 2), task_si('identity', 3)), task_si('identity', 4)));
SELECT try('header: ' || what, task_on_error(task_chord(task_group(task_si('identity', 0), sig), task_set(task_s('identity'), jsonb_build_object('task_id', gen_random_uuid()))),
    task_si('count_up', 'header: ' || what)), fails => 'ChordError: Dependency %Task expected to fail%') FROM broken \g /dev/null
SELECT try('header by |: ' || what, task_group(task_si('identity', 0), sig) | task_s('identity') | task_s('identity'), fails => '%Task expected to fail%') FROM broken \g /dev/null
SELECT try('body: ' || what, task_on_error(task_chord(task_group(task_si('identity', 42)), sig), task_si('count_up', 'body: ' || what)), fails => '%Task expected to fail%')
FROM broken \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is((SELECT count(*) FROM echoed WHERE key = 'header: ' || what), CASE what WHEN 'a chord''s body' THEN 2 ELSE 1 END::bigint,
    'the body''s errback is called once, and once by an inner chord''s body that fails: ' || what) FROM broken;
SELECT is((SELECT count(*) FROM echoed WHERE key = 'body: ' || what), CASE what WHEN 'a group of many' THEN 42 ELSE 1 END::bigint,
    'a body has its errback for each task that fails: ' || what) FROM broken;

-- Errbacks that ask whose they are get the body's id when the header fails, and the failed task's otherwise.
CREATE TEMP TABLE style (style text, body uuid DEFAULT gen_random_uuid(), failing uuid DEFAULT gen_random_uuid());
INSERT INTO style VALUES ('errback_old_style'), ('errback_new_style');
SELECT try(style || ' of a header', task_on_error(task_chord(task_group(task_s('fail')), task_sig('identity', options => jsonb_build_object('task_id', body))), task_s(style)),
    fails => '%Task expected to fail%') FROM style \g /dev/null
SELECT try(style || ' of a body', task_on_error(task_chord(task_group(task_si('identity', 42)),
        task_chain(task_si('identity', 42), task_sig('fail', options => jsonb_build_object('task_id', failing)), task_si('identity', 42))), task_s(style)),
    fails => '%Task expected to fail%') FROM style \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is((SELECT count(*) FROM echoed WHERE key = body::text), 1::bigint, style || ' gets the body''s id') FROM style;
SELECT is((SELECT count(*) FROM echoed WHERE key = failing::text), 1::bigint, style || ' gets the failed task''s id') FROM style;
SELECT alike((SELECT message #>> '{}' FROM echoed WHERE key = body::text), 'ChordError: Dependency %', 'and the error') FROM style WHERE style = 'errback_new_style';

-- Bodies of every kind fail with their header.
SELECT try('body is ' || what, task_chain(task_group(task_si('add', 15, 7), task_si('fail')), body), fails => '%Task expected to fail%')
FROM (VALUES ('a task', task_si('add', 9, 7)), ('a chain', task_chain(task_si('add', 9, 7), task_si('add', 5, 7))),
    ('a group', task_group(task_si('add', 9, 7), task_si('add', 5, 7))),
    ('a chord', task_chord(task_group(task_si('add', 1, 1), task_si('add', 2, 2)), task_si('add', 10, 10)))) AS b (what, body) \g /dev/null
SELECT try('nested chains', task_chain(task_chain(task_group(task_si('add', 1, 1), task_si('fail')), task_s('identity')), task_s('identity')),
    fails => '%Task expected to fail%') \g /dev/null

-- Nested chords: one errback, no body.
SELECT try('a chord in a chord''s header', task_on_error(task_chord(task_group(task_si('identity', 't3'),
        task_chord(task_group(task_si('identity', 't1'), task_si('fail')), task_si('count_up', 'inner body'))), task_si('count_up', 'outer body')),
    task_si('count_up', 'nested')), fails => '%Task expected to fail%') \g /dev/null
SELECT compare();

-- Errbacks of header tasks: only if the setting says so.
CREATE TEMP TABLE headers (h serial, header task_signature[], failing int);
INSERT INTO headers (header, failing) VALUES
    (ARRAY[task_si('fail')], 1),
    (times(3, task_si('fail')), 3),
    (ARRAY[task_si('fail'), task_si('identity', 42)], 1),
    (ARRAY[task_si('fail'), task_si('identity', 42), task_si('fail')], 2),
    (ARRAY[task_si('fail'), task_si('identity', 42), task_si('fail'), task_si('identity', 42), task_si('fail')], 3);
SELECT try('off ' || h, task_on_error(task_chord(task_group(VARIADIC header), task_si('count_up', 'never')), task_si('count_up', 'off ' || h)), fails => '%Task expected to fail%')
FROM headers \g /dev/null
SELECT try('own ' || h, task_chord(task_group(VARIADIC ARRAY(SELECT task_on_error(t, task_si('count_up', 'own ' || h)) FROM unnest(header) AS t)),
    task_on_error(task_si('count_up', 'never'), task_si('count_up', 'own body ' || h))), fails => '%Task expected to fail%')
FROM headers \g /dev/null
SET celeriac.allow_error_cb_on_chord_header = on;
SELECT try('on ' || h, task_on_error(task_chord(task_group(VARIADIC header), task_si('count_up', 'never')), task_si('count_up', 'on ' || h)), fails => '%Task expected to fail%')
FROM headers \g /dev/null
SELECT try('chain ' || h, task_on_error(task_chain(task_group(VARIADIC header), task_si('count_up', 'never')), task_si('count_up', 'chain ' || h)), fails => '%Task expected to fail%')
FROM headers WHERE cardinality(header) > 1 \g /dev/null
SELECT try('chain with a task first', task_on_error(task_chain(task_si('identity', 42), task_group(task_si('fail'), task_si('fail')), task_si('count_up', 'never')),
    task_si('count_up', 'task first')), fails => '%Task expected to fail%') \g /dev/null
RESET celeriac.allow_error_cb_on_chord_header;
SELECT compare();
SELECT settle() \g /dev/null
SELECT is((SELECT count(*) FROM echoed WHERE key = 'nested'), 1::bigint, 'one errback of nested chords');
SELECT is((SELECT count(*) FROM echoed WHERE key = 'off ' || h), 1::bigint, 'off: the body''s, for header ' || h) FROM headers;
SELECT is((SELECT count(*) FROM echoed WHERE key = 'own ' || h), failing::bigint, 'errbacks of header tasks themselves, for header ' || h) FROM headers;
SELECT is((SELECT count(*) FROM echoed WHERE key = 'own body ' || h), 1::bigint, 'and the body''s') FROM headers;
SELECT is((SELECT count(*) FROM echoed WHERE key = 'on ' || h), failing + 1::bigint, 'on: each failed one''s and the body''s, for header ' || h) FROM headers;
SELECT is((SELECT count(*) FROM echoed WHERE key = 'chain ' || h), failing + 1::bigint, 'also in chains, for header ' || h) FROM headers WHERE cardinality(header) > 1;
SELECT is((SELECT count(*) FROM echoed WHERE key IN ('never', 'inner body', 'outer body')), 0::bigint, 'no body ran');

-- The failed id is in the body's message; the rest of a chain names its cause.
SELECT try('names', task_chord(task_group(task_sig('fail', options => '{"task_id": "01a00000-0000-7000-8000-00000000000c"}')), task_s('identity')) | task_s('identity'),
    fails => '%') \g /dev/null
SELECT compare();
SELECT set_eq(format('SELECT s.state, s.exc_type, s.exc_message LIKE ''%%01a00000-0000-7000-8000-00000000000c%%'' FROM task_state AS s
    WHERE root_id = (SELECT root_id FROM task_state WHERE id = %L) AND s.args = ''[]'' AND name = ''identity''', tried('names')),
    $$VALUES ('FAILURE', 'ChordError', true), ('FAILURE', 'celeriac.UpstreamError', true)$$, 'a body and what follows name the failed task');

-- An errback that retries, one that fails.
SELECT try('an errback that retries', task_on_error(task_s('fail'), task_s('retry_once')), fails => '%Task expected to fail') \g /dev/null
SELECT try('an errback that fails', task_on_error(task_s('fail'), task_s('raise_error')), fails => '%Task expected to fail') \g /dev/null
SELECT try('a link that fails', task_link(task_si('identity', 1), task_s('raise_error')), '1') \g /dev/null

-- Links may be canvases.
SELECT try('a chain as link', task_link(task_s('identity', 1), task_s('add', 1) | task_s('echo', 'chain link')), '1') \g /dev/null
SELECT try('a group as link', task_link(task_s('identity', 1), task_group(task_s('echo', 'group link'), task_s('echo', 'group link'))), '1') \g /dev/null
SELECT try('a chord as link', task_link(task_s('identity', 1), task_chord(task_group(task_s('add', 1), task_s('add', 2)), task_s('echo', 'chord link'))), '1') \g /dev/null
SELECT try('a chain as errback', task_on_error(task_s('fail'), task_si('identity', 'sorry') | task_s('echo', 'chain errback')), fails => '%Task expected to fail') \g /dev/null
SELECT try('links of links', task_link(task_s('identity', 1), task_link(task_s('add', 1), task_link(task_s('add', 1), task_s('echo', 'third link')))), '1') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is((SELECT array_agg(message ORDER BY n) FROM echoed WHERE key = w.key), w.messages::jsonb[], w.key)
FROM (VALUES ('chain link', '{2}'), ('group link', '{1,1}'), ('chord link', '{"[2, 3]"}'), ('chain errback', '{"\"sorry\""}'), ('third link', '{3}')) AS w (key, messages);
SELECT is((SELECT count(*) FROM task_state AS c JOIN tried AS t ON c.parent_id = t.id WHERE t.what = 'an errback that retries' AND c.state = 'SUCCESS' AND c.retries = 1), 1::bigint,
    'the errback retried and succeeded');

SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
