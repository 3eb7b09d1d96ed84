-- claims.sql
--      Guards the promises that the speed rests on: a session claim writes
--      nothing, a lease is one HOT update, a finish deletes and inserts in one
--      transaction, and look-ups by id use indexes.

SELECT no_plan();
SELECT task_queue_create('claims') \g /dev/null
-- The first fetch in a new database waits for its coordinator.
SELECT FROM task_send('claims.warm', queue => 'claims') \g /dev/null
SELECT is((SELECT count(task_succeed(id)) FROM task_fetch('w', '{claims}', wait => '30 s')), 1::bigint, 'a new database dispatches');

-- A session claim.
SELECT count(*) FROM task_send_many('claims.session', (SELECT array_agg(jsonb_build_array(i)) FROM generate_series(1, 100) AS i), queue => 'claims') \g /dev/null
CREATE TEMP TABLE before AS SELECT id, xmin::text AS version, ctid::text AS place FROM task_message;
SELECT is((SELECT count(*) FROM task_fetch('w', '{claims}', max => 1000, lease => NULL)), 100::bigint, 'a session claims them all');
SELECT is_empty('SELECT m.id, m.xmin::text, m.ctid::text FROM task_message m EXCEPT SELECT * FROM before', 'and no row has a new version');
SELECT is_empty('SELECT FROM task_message WHERE xmax <> 0', 'nor is one locked');
SELECT is((SELECT DISTINCT state || ' ' || worker FROM task_state WHERE name = 'claims.session'), 'RECEIVED w', 'yet all can see who has them');

-- A finish.
SELECT id AS id FROM task_message ORDER BY id LIMIT 1 \gset
BEGIN;
SELECT is(task_succeed(:'id', '1'), true, 'one is finished');
SELECT is((SELECT count(*) FROM task_message WHERE id = :'id') + (SELECT count(*) FROM task_result WHERE id = :'id'), 1::bigint, 'its message is its result now');
ROLLBACK;
SELECT is((SELECT count(*) FROM task_message WHERE id = :'id') + 2 * (SELECT count(*) FROM task_result WHERE id = :'id'), 1::bigint, 'or none of both');
SELECT is(task_succeed(:'id', '1'), true, 'and it is still ours to finish');
SELECT is((SELECT count(*) FROM task_state WHERE id = :'id'), 1::bigint, 'one row in task_state');
SELECT is((SELECT count(task_succeed(id)) FROM task_state WHERE state = 'RECEIVED'), 99::bigint, 'the rest');
SELECT is((SELECT active FROM task_worker WHERE name = 'w'), 0, 'no claim is left');

-- A lease.
SELECT count(*) FROM task_send_many('claims.lease', (SELECT array_agg(jsonb_build_array(i)) FROM generate_series(1, 10) AS i), queue => 'claims') \g /dev/null
SELECT is((SELECT count(*) FROM task_fetch('w', '{claims}', max => 1000)), 10::bigint, 'a lease claims them');
SELECT pg_stat_force_next_flush() WHERE current_setting('server_version_num')::int >= 150000 \g /dev/null
SELECT ok(sum(n_tup_upd) >= 10 AND sum(n_tup_hot_upd) = sum(n_tup_upd), format('all of %s updates were HOT', sum(n_tup_upd)))
FROM pg_stat_user_tables WHERE relname ~ '^task_message(_\d)?$';

-- Look-ups.  The parents hold next to nothing; the planner knows that of a table
-- that has children.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS off) ' || query;
END $$;
SELECT is_empty(format('SELECT p FROM plan_of(%L) AS p WHERE p ~ ''Seq Scan on task_(message|result)_''', 'SELECT * FROM task_state WHERE ' || c), 'no table is read whole for ' || c)
FROM unnest(ARRAY['id = ''00000000-0000-7000-8000-000000000001''', 'parent_id = ''00000000-0000-7000-8000-000000000001''']) AS c;

SELECT * FROM finish();
