-- wait.sql
--      Guards task_wait: a caller who names no queue, or none that exists, must
--      be told; one who wants many tasks must not be kept from those that
--      nobody else is about to take, nor wait for longer than he said.

SELECT no_plan();
SELECT task_queue_create(q) FROM unnest('{wait,empty}'::text[]) AS q \g /dev/null

SELECT is(pg_get_function_arguments('task_wait'::regproc),
          'IN queues text[], IN timeout interval, IN max integer DEFAULT 1',
          'who does not say how many he wants is taken to want one');

SELECT throws_ok(call, 'TC004', NULL, call)
FROM unnest(ARRAY[
    $$CALL task_wait('{wait}', '1 s', NULL)$$,
    $$CALL task_wait('{wait}', '1 s', 0)$$,
    $$CALL task_wait('{wait}', '1 s', 100001)$$,
    $$CALL task_wait('{wait}', '-1 s', 100)$$,
    $$CALL task_wait('{wait}', NULL, 100)$$,
    $$CALL task_wait(NULL, '1 s', 100)$$,
    $$CALL task_wait('{}', '1 s')$$,
    $$CALL task_wait('{}', '1 s', 64)$$,
    $$CALL task_wait(array_fill('wait'::text, ARRAY[65]), '1 s', 64)$$,
    $$CALL task_wait(ARRAY[repeat('w', 1000)], '1 s', 64)$$
]) AS call;
SELECT throws_ok(call, 'TC010', NULL, call)
FROM unnest(ARRAY[
    $$CALL task_wait('{unknown}', '1 s')$$,
    $$CALL task_wait('{unknown}', '1 s', 64)$$,
    $$CALL task_wait('{empty,unknown}', '1 s', 64)$$
]) AS call;

-- How long a call takes, in seconds; within this session's transaction.
CREATE FUNCTION seconds_of(call text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    EXECUTE call;
    RETURN extract(epoch FROM clock_timestamp() - began);
END $$;

SELECT ok(seconds_of(format($$CALL task_wait('{empty}', '0.2 s', %s)$$, max)) BETWEEN 0.2 AND 20,
          format('with nothing to do the wait of one who wants %s is over in time', max))
FROM unnest('{1,63,64,100000}'::int[]) AS max;

-- The first tasks of a new database wait for its coordinator.
SELECT count(*) FROM task_send_many('wait.task', array_fill('[]'::jsonb, ARRAY[300]), queue => 'wait') \g /dev/null
SELECT is((SELECT count(*) FROM task_fetch('w', '{wait}', max => 100, wait => '30 s')), 100::bigint, 'some are fetched');

SELECT ok(seconds_of(format($$CALL task_wait('{empty,wait}', '30 s', %s)$$, max)) < 15,
          format('who wants %s of the others does not wait', max))
FROM unnest('{1,63,64,100000}'::int[]) AS max;

-- Outside a transaction block it waits in another way.
SELECT clock_timestamp() AS began \gset
CALL task_wait('{wait}', '30 s', 100);
CALL task_wait('{wait}', '30 s', 100);
SELECT ok(clock_timestamp() - :'began' < '15 s', 'nor does he outside a transaction');

SELECT task_queue_pause('wait') \g /dev/null
SELECT ok(seconds_of($$CALL task_wait('{wait}', '0.2 s', 64)$$) >= 0.2, 'those of a paused queue are not for him');

SELECT * FROM finish();
