-- revoke.sql
--      Guards against a revoke that is undone and stops a SQL task that runs
--      all the same, or that is not undone and does not; and against a
--      transaction that does too much of everything at once: thousands of
--      tasks fetched, ended, tried again and revoked in it, some of that undone;
--      or that leaves memory behind with each subtransaction that is undone.

SELECT no_plan();

-- A task that runs until it is let go on.
CREATE FUNCTION held() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(4711);
    RETURN 'ran to its end';
END $$;
SELECT task_register('held()'::regprocedure) \g /dev/null
-- until it waits for us
CREATE PROCEDURE await(id uuid) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 3000 LOOP
        EXIT WHEN (SELECT state FROM task_state WHERE task_state.id = await.id) = 'STARTED'
            AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted);
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
CREATE FUNCTION revoke_and_fail(id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM task_revoke(id, terminate => true);
    RAISE 'no';
EXCEPTION WHEN raise_exception THEN
    NULL;
END $$;
CREATE FUNCTION outcome(id uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM task_get(id, timeout => '60 s', propagate => false);
    RETURN (SELECT concat_ws(' ', t.state, t.result) FROM task_state AS t WHERE t.id = outcome.id);
END $$;

SELECT pg_advisory_lock(4711) \g /dev/null
SELECT task_send('held') AS id \gset
CALL await(:'id');
BEGIN;
SAVEPOINT s;
SELECT ok(task_revoke(:'id', terminate => true), 'a SQL task is revoked while it runs');
ROLLBACK TO s;
SELECT revoke_and_fail(:'id') \g /dev/null
COMMIT;
SELECT pg_advisory_unlock(4711) \g /dev/null
SELECT is(outcome(:'id'), 'SUCCESS "ran to its end"', 'that is undone, twice, and it ends as ever');

SELECT pg_advisory_lock(4711) \g /dev/null
SELECT task_send('held') AS id \gset
CALL await(:'id');
BEGIN;
SAVEPOINT s;
SELECT ok(task_revoke(:'id', terminate => true), 'another is revoked');
SAVEPOINT i;
SELECT ok(task_revoke(:'id', terminate => true), 'twice');
ROLLBACK TO i;
RELEASE s;
COMMIT;
SELECT is(outcome(:'id'), 'REVOKED', 'one of them is undone: it stops');
SELECT pg_advisory_unlock(4711) \g /dev/null

--
-- Thousands in one transaction.  What becomes of a task follows from its number.
--
SELECT task_queue_create('many') \g /dev/null
SELECT task_define('many.task', retry_delay => '1 hour') \g /dev/null
SELECT count(*) FROM task_send_many('many.task', ARRAY(SELECT jsonb_build_array(i) FROM generate_series(1, 6000) AS i), queue => 'many') \g /dev/null

-- ends a third, revokes a third and tries a third again
CREATE PROCEDURE handle(lease interval, size int) LANGUAGE plpgsql AS $$
DECLARE
    d task_delivery;
    n int;
BEGIN
    FOR d IN SELECT * FROM task_fetch('w', '{many}', max => size, wait => '30 s', lease => lease) LOOP
        n := d.args -> 0;
        IF n % 3 = 0 THEN
            ASSERT task_succeed(d.id, to_jsonb(n)), 'an end is refused';
        ELSIF n % 3 = 1 THEN
            ASSERT task_revoke(d.id, terminate => true), 'a revoke is refused';
            -- whoever holds it by a session claim is to end it
            IF lease IS NULL THEN
                ASSERT task_finish('w', ARRAY[ROW(d.id, d.delivery, 'REVOKED', NULL, NULL, NULL, NULL, NULL, NULL)::task_outcome]) = d.id, 'an end is refused';
            END IF;
        ELSE
            ASSERT task_retry(d.id), 'another try is refused';
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION tally() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s %s', state, count), ', ' ORDER BY state)
    FROM (SELECT state, count(*) FROM task_state WHERE name = 'many.task' GROUP BY state) AS s
$$;
-- the first fetch in a new database waits for its coordinator
SELECT is((SELECT count(task_reject(id, requeue => true)) FROM task_fetch('w', '{many}', wait => '30 s')), 1::bigint, 'a new database dispatches');
-- The rounds of one transaction: by session claims, by leases, and both undone.
BEGIN;
CALL handle(NULL, 1500);
SAVEPOINT s;
CALL handle(NULL, 1500);
ROLLBACK TO s;
CALL handle('1 hour', 1500);
SAVEPOINT s;
CALL handle('1 hour', 1500);
RELEASE s;
COMMIT;
SELECT is(tally(), 'PENDING 1500, RETRY 1500, REVOKED 1500, SUCCESS 1500', 'four and a half thousand tasks are fetched and ended as they should in one transaction');
SELECT is_empty($$SELECT args, state FROM task_state WHERE name = 'many.task' AND state <> 'PENDING'
    AND state <> CASE (args ->> 0)::int % 3 WHEN 0 THEN 'SUCCESS' WHEN 1 THEN 'REVOKED' ELSE 'RETRY' END$$, 'each as its number says');
SELECT is_empty($$SELECT FROM task_message WHERE celeriac_is_claimed(id)$$, 'no claim is left');
BEGIN;
CALL handle(NULL, 3000);
ROLLBACK;
SELECT is(tally(), 'PENDING 1500, RETRY 1500, REVOKED 1500, SUCCESS 1500', 'all of it undone');
SELECT is((SELECT count(task_succeed(id)) FROM task_fetch('w', '{many}', max => 10000, lease => NULL) WHERE retries = 0), 1500::bigint, 'what was left is fetched');
-- revoked by thousands, too
SELECT task_revoke(array_agg(id)) FROM task_state WHERE name = 'many.task' AND state = 'RETRY' \g /dev/null
SELECT is(tally(), 'REVOKED 3000, SUCCESS 3000', 'all have ended');

-- What a subtransaction remembered of its claims is not left behind by each.
SELECT count(*) FROM task_send_many('undone', array_fill('[]'::jsonb, ARRAY[2]), queue => 'undone') \g /dev/null
BEGIN;
DO $$
DECLARE
    ids uuid[];
BEGIN
    FOR i IN 1 .. 50 LOOP
        BEGIN
            SELECT array_agg(id) INTO ids FROM task_fetch('w', '{undone}', max => 2);
            PERFORM task_revoke(ids[1]);
            RAISE 'no';
        EXCEPTION WHEN raise_exception THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT is((SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'celeriac claimed'), 1::bigint, 'fifty subtransactions leave the memory of one');
COMMIT;

SELECT * FROM finish();
