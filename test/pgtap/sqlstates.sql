-- sqlstates.sql
--      Guards against errors that change their code: callers catch them by it,
--      and one raised as another is handled as another.

BEGIN;
SELECT no_plan();
SELECT task_send('states.known', queue => 'states', id => '00000000-0000-7000-8000-000000000001') \g /dev/null
CREATE FUNCTION states_f(x int) RETURNS int LANGUAGE sql RETURN x;
SELECT task_register('states_f(int)'::regprocedure) \g /dev/null

SELECT throws_ok(statement, code, NULL, code || ' ' || why) FROM (VALUES
    ('TC001', 'unknown task', $$SELECT task_get('00000000-0000-0000-0000-000000000000')$$),
    ('TC001', 'unknown task', $$SELECT task_ready('00000000-0000-0000-0000-000000000000')$$),
    ('TC001', 'unknown task', $$SELECT task_successful('00000000-0000-0000-0000-000000000000')$$),
    ('TC001', 'unknown task', $$SELECT task_failed('00000000-0000-0000-0000-000000000000')$$),
    ('TC001', 'unknown task', $$SELECT task_revoke('00000000-0000-0000-0000-000000000000')$$),
    ('TC001', 'unknown task', $$SELECT task_update_state('00000000-0000-0000-0000-000000000000', 'PROGRESS')$$),
    ('TC002', 'invalid transition', $$UPDATE task_message SET state = 'SUCCESS'$$),
    ('TC002', 'invalid transition', $$UPDATE task_message SET state = 'PROGRESS'$$),
    ('TC002', 'invalid transition', $$SELECT task_update_state('00000000-0000-7000-8000-000000000001', 'PROGRESS')$$),
    ('TC003', 'duplicate task', $$SELECT task_send('states.known', id => '00000000-0000-7000-8000-000000000001')$$),
    ('TC004', 'invalid argument', $$SELECT task_send('states.known', '{}')$$),
    ('TC004', 'invalid argument', $$SELECT task_send('states.known', priority => 256)$$),
    ('TC004', 'invalid argument', $$SELECT task_define('states.known', priority => 256)$$),
    ('TC004', 'invalid argument', $$SELECT task_define('states.known', max_deliveries => 0)$$),
    ('TC004', 'invalid argument', $$SELECT '{}'::task_signature$$),
    ('TC004', 'invalid argument', $$SELECT task_fetch('')$$),
    ('TC004', 'invalid argument', $$SELECT task_revoke('00000000-0000-7000-8000-000000000001', true, 'NONE')$$),
    ('TC005', 'argument mismatch', $$SELECT task_send('states_f')$$),
    ('TC005', 'argument mismatch', $$SELECT task_delay('states_f', 1, 2)$$),
    ('TC009', 'would hang', $$SELECT task_get('00000000-0000-7000-8000-000000000001')$$),
    ('TC010', 'unknown queue', $$SELECT task_fetch('w', '{states.none}')$$),
    ('TC010', 'unknown queue', $$SELECT task_heartbeat('w', '{states.none}')$$),
    ('TC012', 'not in a task', $$SELECT task_current()$$),
    ('TC012', 'not in a task', $$SELECT task_raise_retry()$$)
) AS v (code, why, statement);

-- Those of results, and the error of a SQL task as itself.
INSERT INTO task_result (id, name, args, kwargs, queue, priority, state, exc_type, exc_message, traceback, retries, sent_by, sent_at)
SELECT format('00000000-0000-7000-8000-0000000001%s', to_char(n, 'FM00'))::uuid, 'states.ended', '[]', '{}', 'states', 0, s, e, 'why', 'where', 0, current_user, now()
FROM (VALUES (1, 'FAILURE', 'ValueError'), (2, 'REVOKED', 'TaskRevokedError'), (3, 'REJECTED', NULL), (4, 'IGNORED', NULL),
    (5, 'FAILURE', '40001 serialization_failure'), (6, 'FAILURE', '23505'), (7, 'FAILURE', NULL), (8, 'FAILURE', '00000 nothing')) AS v (n, s, e);
SELECT throws_ok(format('SELECT task_get(%L)', format('00000000-0000-7000-8000-0000000001%s', to_char(n, 'FM00'))), code, NULL, code || ' ' || why)
FROM (VALUES (1, 'TC007', 'a task that failed'), (2, 'TC008', 'one that was revoked'), (3, 'TC008', 'one that was rejected'),
    (4, 'TC008', 'one that was ignored'), (5, '40001', 'the error of a SQL task'), (6, '23505', 'a bare SQLSTATE'),
    (7, 'TC007', 'a failure untold')) AS v (n, code, why);
SELECT throws_matching($$SELECT task_get('00000000-0000-7000-8000-000000000101')$$, 'FAILURE: ValueError: why', 'the message tells type and message');

SELECT * FROM finish();
ROLLBACK;
