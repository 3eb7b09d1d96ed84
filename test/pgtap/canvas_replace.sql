-- canvas_replace.sql
--      Guards against a replaced task that leaves its place: what waits for it,
--      its callbacks, its id, its rights; what is expected is what Celery gives.

SELECT no_plan();
\ir include/canvas.psql

SELECT try('by a task', task_s('add_replaced', 1, 2), '3') \g /dev/null
SELECT try('by a chain', task_si('replace_with_chain', 42), '42') \g /dev/null
SELECT try('by a group', task_s('add_to_all', '[1, 2, 3]'::jsonb, 10), '[11, 12, 13]') \g /dev/null
SELECT try('by an empty group', task_s('add_to_all', '[]'::jsonb, 10), '[]') \g /dev/null
SELECT try('by an empty chain', task_chain(task_s('identity', 1), task_s('replace_with_empty_chain')), fails => '%empty chain%') \g /dev/null
SELECT try('by one that fails', task_s('fail_replaced'), fails => '%Task expected to fail') \g /dev/null
SELECT try('first of a chain', task_chain(task_si('replace_with_chain', 42), task_s('identity')), '42') \g /dev/null
SELECT try('middle of a chain', task_chain(task_s('identity', 42), task_s('replace_with_chain'), task_s('identity')), '42') \g /dev/null
SELECT try('last of a chain', task_chain(task_s('identity', 42), task_s('replace_with_chain')), '42') \g /dev/null
SELECT try('a group inside a chain', task_s('add_to_all', '[1, 2]'::jsonb, 1) | task_s('tsum'), '5') \g /dev/null
SELECT try('twice', task_si('second_order_replace1'), 'null') \g /dev/null

-- Callbacks of both.
SELECT try('the replacement has a link', task_chain(task_s('identity', 'Hello '), task_s('replace_with_chain', 'inner link'), task_s('add', 'world')), '"Hello world"') \g /dev/null
SELECT try('it has an errback', task_chain(task_s('identity', 'Hello '), task_s('replace_with_chain_which_raises', 'inner errback'), task_s('add', 'never')),
    fails => '%deliberate error%') \g /dev/null
SELECT try('both have links', task_link(task_chain(task_s('identity', 'Hello '), task_s('replace_with_chain', 'inner link of two'), task_s('add', 'world')), task_s('echo')),
    '"Hello world"') \g /dev/null
SELECT try('both have errbacks', task_on_error(task_chain(task_s('identity', 'Hello '), task_s('replace_with_chain_which_raises', 'inner errback of two'), task_s('add', 'world')),
    task_si('echo', 'outer errback of two')), fails => '%deliberate error%') \g /dev/null
SELECT try('a chain with a link, its first replaced', task_link(task_chain(task_si('add_replaced', 42, 1337), task_s('identity')), task_si('echo', 'link of the chain')), '1379') \g /dev/null
SELECT try('a chain with an errback, its first replaced', task_on_error(task_chain(task_si('add_replaced', 42, 1337), task_s('fail')), task_si('echo', 'errback of the chain')),
    fails => '%Task expected to fail') \g /dev/null
SELECT try('a task with a link', task_chain(task_link(task_si('add_replaced', 42, 1337), task_s('echo', 'link of the replaced')), task_s('identity')), '1379') \g /dev/null
SELECT try('a task with an errback', task_chain(task_on_error(task_si('fail_replaced'), task_si('echo', 'errback of the replaced')), task_si('identity', 42)),
    fails => '%Task expected to fail%') \g /dev/null
SELECT compare();
SELECT settle() \g /dev/null
SELECT is((SELECT count(*) FROM echoed WHERE message = to_jsonb(w) OR key = w), 1::bigint, 'called once: ' || w)
FROM unnest('{inner link,inner errback,inner link of two,inner errback of two,outer errback of two,link of the chain,errback of the chain,
    link of the replaced,errback of the replaced}'::text[]) AS w;
SELECT is((SELECT count(*) FROM echoed WHERE message = '"Hello world"'), 1::bigint, 'the chain''s link gets its result');
SELECT is((SELECT message FROM echoed WHERE key = 'link of the replaced'), '1379', 'the replaced task''s link gets what it became');
SELECT is(string_agg(message #>> '{}', ', ' ORDER BY n), 'In A, In B, In/Out C, Out B, Out A', 'in order') FROM echoed WHERE key = 'second order';

-- What it wrote is kept, what it returns counts for nothing; the id goes on.
CREATE FUNCTION write_and_replace() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM echo('"before"', 'write');
    PERFORM task_replace(task_si('identity', 'it became this'));
    RETURN 0;
END $$;
SELECT task_register('write_and_replace()'::regprocedure) \g /dev/null
SELECT task_send(task_s('write_and_replace')) AS id \gset
SELECT is(task_get(:'id', timeout => '60 s'), '"it became this"', 'the result comes under the replaced task''s id');
SELECT is(name, 'identity', 'whose row is that of the last task') FROM task_state WHERE id = :'id';
SELECT is(array_agg(message), ARRAY['"before"'::jsonb], 'what was written is kept') FROM echoed WHERE key = 'write';

-- A replaced task that is tried again.
CREATE FUNCTION retry_and_replace() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF (task_current()).retries = 0 THEN
        PERFORM task_raise_retry('0 s');
    END IF;
    RETURN task_replace(task_si('add', 1, 1));
END $$;
SELECT task_register('retry_and_replace()'::regprocedure) \g /dev/null
SELECT try('replaced by its second try', task_si('identity', 1) | task_si('retry_and_replace') | task_s('add', 1), '3') \g /dev/null

-- One that fails after all, or takes it back, is not replaced.
CREATE FUNCTION replace_and_fail() RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM task_replace(task_si('identity', 1));
    RAISE 'after all';
END $$;
CREATE FUNCTION replace_taken_back() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        PERFORM task_replace(task_si('identity', 1));
        RAISE 'not that';
    EXCEPTION WHEN raise_exception THEN
        RETURN 'itself';
    END;
END $$;
SELECT task_register('replace_and_fail()'::regprocedure), task_register('replace_taken_back()'::regprocedure) \g /dev/null
SELECT try('a task that fails after it', task_s('replace_and_fail') | task_si('identity', 1), fails => '%after all%') \g /dev/null
SELECT try('a task that takes it back', task_s('replace_taken_back') | task_s('identity'), '"itself"') \g /dev/null

-- A canvas of many levels.
CREATE FUNCTION countdown(n int) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    IF n = 0 THEN
        RETURN task_replace(task_si('identity', 'lift off'));
    END IF;
    RETURN task_replace(task_group(task_si('countdown', n - 1), task_si('identity', n)) | task_s('identity'));
END $$;
SELECT task_register('countdown(int)'::regprocedure) \g /dev/null
SELECT try('one level after the other', task_s('countdown', 5) | task_s('identity'), '[[[[["lift off", 1], 2], 3], 4], 5]') \g /dev/null
SELECT compare();

-- Outside a task.
SELECT throws_ok('SELECT task_replace(task_s(''identity'', 1))', 'TC012', NULL, 'task_replace outside of a task');
SELECT throws_ok('SELECT task_add_to_chord(task_s(''identity'', 1))', 'TC012', NULL, 'task_add_to_chord outside of a task');

SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
