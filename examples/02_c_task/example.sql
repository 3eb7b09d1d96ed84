-- example.sql
--      Sends the tasks of demo.so; `run` has started a pool that has it.

\set ON_ERROR_STOP on
\set QUIET on
\pset footer off

\echo === a result
SELECT task_send('demo.primes', '[100000]', queue => 'example_c') AS id \gset
SELECT task_get(:'id', timeout => '10 s');

\echo === wrong arguments end the task as FAILURE
SELECT task_send('demo.primes', '["many"]', queue => 'example_c') AS id \gset
SELECT task_get(:'id', timeout => '10 s', propagate => false);

\echo === progress, seen while it runs
SELECT task_send('demo.walk', kwargs => '{"steps": 10}', queue => 'example_c') AS id \gset
SELECT pg_sleep(0.55) \g /dev/null
SELECT state, result FROM task_state WHERE id = :'id';
SELECT task_get(:'id', timeout => '10 s');

\echo === the soft time limit of 2 s, which the task notices
SELECT task_send('demo.walk', kwargs => '{"steps": 100}', queue => 'example_c') AS id \gset
SELECT task_get(:'id', timeout => '10 s', propagate => false);

\echo === a running task that is revoked, and stops by itself
SELECT task_send('demo.walk', kwargs => '{"steps": 15}', queue => 'example_c') AS id \gset
SELECT pg_sleep(0.3) \g /dev/null
SELECT task_revoke(:'id');
SELECT task_get(:'id', timeout => '10 s', propagate => false);

\echo === retries
SELECT task_send('demo.stubborn', queue => 'example_c') AS id \gset
SELECT task_get(:'id', timeout => '10 s');
SELECT retries, deliveries, worker FROM task_state WHERE id = :'id';
