-- canvas_stamp.sql
--      Guards against stamps that are missing on some task of a canvas, or
--      overwritten on the way; what is expected is what Celery gives.

SELECT no_plan();
\ir include/canvas.psql

-- Every task of every canvas.
CREATE TEMP TABLE kind (what text, sig task_signature, result jsonb);
INSERT INTO kind VALUES
    ('a task', task_s('add', 1, 1), '2'),
    ('a group', task_group(task_s('add', 1, 1), task_s('add', 2, 2)), '[2, 4]'),
    ('a chain', task_chain(task_s('add', 1, 1), task_s('add', 2)), '4'),
    ('a chord', task_chord(task_group(task_s('add', 1, 1), task_s('add', 2, 2)), task_s('xsum')), '6'),
    ('a chain of a group of one', task_chain(task_group(task_s('add', 0, 0)), task_s('add', -1)), '-1'),
    ('a task | a task', task_s('add', 1, 1) | task_s('add', 10), '12'),
    ('a group of chains', task_group(task_s('add', 1, 1) | task_s('add', 10), task_s('add', 2, 2) | task_s('add', 20)), '[12, 24]'),
    ('a chain of chains', task_chain(task_s('add', 1, 1) | task_s('add', 10), task_s('add', 2) | task_s('add', 20)), '34'),
    ('a chord of chains', task_chord(task_group(task_s('add', 1, 1) | task_s('add', 10), task_s('add', 2, 2) | task_s('add', 20)), task_s('xsum')), '36'),
    ('a chain of chains of chains', task_chain(task_chain(task_s('add', 1, 1) | task_s('add', 10), task_s('add', 2) | task_s('add', 20)), task_s('add', 3) | task_s('add', 30)), '67'),
    ('a chord of a chain and a chord', task_chord(task_group(task_chain(task_s('add', 1, 1), task_s('add', 2)),
        task_chord(task_group(task_s('add', 3, 3), task_s('add', 4, 4)), task_s('xsum'))), task_s('xsum')), '18'),
    ('groups before groups', task_group(task_s('add', 1, 2) | task_s('add', 3), task_s('add', 4, 5) | task_s('add', 6), task_si('identity', 21))
        | task_group(task_s('xsum'), task_s('xsum')), '[42, 42]');
SELECT try(what, task_stamp(sig, jsonb_build_object('stamp', what)), result) FROM kind \g /dev/null
SELECT try('links and errbacks', task_stamp(task_on_error(task_link(task_si('identity', 42), task_si('my_stamps')), task_si('my_stamps')), '{"stamp": "links"}'), '42') \g /dev/null
SELECT try('an errback', task_stamp(task_on_error(task_si('fail'), task_si('my_stamps')), '{"stamp": "errbacks"}'), fails => '%Task expected to fail') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is_empty(format('SELECT id, name, options FROM task_state WHERE root_id = (SELECT root_id FROM task_state WHERE id = %L)
    AND name <> ''celeriac.group'' AND options #>> ''{stamps,stamp}'' IS DISTINCT FROM %L', tried(what), what), 'all tasks have the stamp: ' || what) FROM kind;
SELECT is((SELECT result FROM task_state WHERE parent_id = tried('links and errbacks')), '{"stamp": "links"}', 'so has a link');
SELECT is((SELECT result FROM task_state WHERE parent_id = tried('an errback')), '{"stamp": "errbacks"}', 'and an errback');

-- Values keep their type; the last one wins.
SELECT try('a number', task_stamp(task_si('my_stamps'), '{"stamp": 42}'), '{"stamp": 42}') \g /dev/null
SELECT try('a list', task_stamp(task_si('my_stamps'), '{"stamp": [4, 2]}'), '{"stamp": [4, 2]}') \g /dev/null
SELECT try('two', task_stamp(task_stamp(task_si('my_stamps'), '{"a": 1}'), '{"b": 2}'), '{"a": 1, "b": 2}') \g /dev/null
SELECT try('one twice', task_stamp(task_stamp(task_si('my_stamps'), '{"a": 1}'), '{"a": 2}'), '{"a": 2}') \g /dev/null
SELECT try('linked after the first stamp',
    task_stamp(task_link(task_stamp(task_si('identity', 1), '{"mtask_id": "1"}'), task_si('my_stamps')), '{"mtask_id": "1234"}'), '1') \g /dev/null

-- Kept on retry and replace.
CREATE FUNCTION retry_stamped() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF (task_current()).retries = 0 THEN
        PERFORM task_raise_retry('0 s');
    END IF;
    RETURN (task_current()).options -> 'stamps';
END $$;
CREATE FUNCTION replace_stamped() RETURNS void LANGUAGE sql AS $$
    SELECT task_replace(task_stamp(task_s('my_stamps'), '{"on_replace": "this is the replaced task"}'))
$$;
SELECT task_register('retry_stamped()'::regprocedure), task_register('replace_stamped()'::regprocedure) \g /dev/null
SELECT try('a retry', task_stamp(task_si('retry_stamped'), '{"stamp": 42}'), '{"stamp": 42}') \g /dev/null
SELECT try('replaced', task_stamp(task_s('replace_stamped'), '{"stamp": 42}'), '{"stamp": 42, "on_replace": "this is the replaced task"}') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is((SELECT result FROM task_state WHERE parent_id = tried('linked after the first stamp')), '{"mtask_id": "1234"}', 'a link takes the last stamp');

-- Revoked by stamps: all tasks of a canvas, no other.
SELECT task_send(task_stamp(task_chain(task_si('identity', 1), task_si('identity', 2)), '{"order": 7}'), countdown => '1 hour') AS seven \gset
SELECT task_send(task_stamp(task_si('identity', 1), '{"order": 8}'), countdown => '1 hour') AS eight \gset
SELECT task_send(task_stamp(task_si('identity', 1), '{"order": [7, 9]}'), countdown => '1 hour') AS nine \gset
SELECT lives_ok('SELECT task_revoke_stamped(''{"order": 7}'')', 'task_revoke_stamped');
SELECT is((SELECT array_agg(DISTINCT state) FROM task_state WHERE root_id = (SELECT root_id FROM task_state WHERE id = :'seven')), '{REVOKED}', 'revokes what has the stamp');
SELECT is((SELECT state FROM task_state WHERE id = :'eight'), 'PENDING', 'not what has another value');
SELECT lives_ok('SELECT task_revoke_stamped(''{"order": [8, 9]}'')', 'any of several values');
SELECT is((SELECT array_agg(state) FROM task_state WHERE id IN (:'eight', :'nine')), '{REVOKED,REVOKED}', 'also where the stamp is a list');

SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
