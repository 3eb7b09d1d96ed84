-- example.sql
--      Sends tasks that are programs; `run` has started a pool that has them.

\set ON_ERROR_STOP on
\set QUIET on
\pset footer off

\echo === a program with arguments
SELECT task_send('example.words', '["to be, or not to be: that is the question"]',
                 '{"top": 2}', queue => 'example_p') AS id \gset
SELECT task_get(:'id', timeout => '10 s');

\echo === a shell command whose output is JSON already
SELECT task_send('example.uptime', queue => 'example_p') AS id \gset
SELECT task_get(:'id', timeout => '10 s')::float8 > 0 AS seconds_up;

\echo === a program that fails: status, and what it wrote to standard error
SELECT task_send('example.words', queue => 'example_p', max_retries => 0) AS id \gset
SELECT task_get(:'id', timeout => '10 s', propagate => false);
SELECT state, exc_type, traceback FROM task_state WHERE id = :'id';

\echo === a program that takes too long is told by TERM, then killed
SELECT task_send('example.sleep', queue => 'example_p', soft_time_limit => '200 ms',
                 time_limit => '2 s') AS id \gset
SELECT task_get(:'id', timeout => '10 s', propagate => false);
