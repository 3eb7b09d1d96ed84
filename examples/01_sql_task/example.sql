-- example.sql
--      SQL functions as tasks: results, errors, retries, callbacks.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
\pset footer off

DROP TABLE IF EXISTS example_notes CASCADE;
CREATE TABLE example_notes (area int NOT NULL);

CREATE OR REPLACE FUNCTION example_area(width int, height int DEFAULT 1) RETURNS int
LANGUAGE plpgsql AS $$
BEGIN
    IF width < 0 OR height < 0 THEN
        RAISE EXCEPTION 'no rectangle has a side of % by %', width, height
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN width * height;
END
$$;

-- task_current() is the delivery that runs: its retries, id, options, …
CREATE OR REPLACE FUNCTION example_third_time() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    retries int := (task_current()).retries;
BEGIN
    IF retries < 2 THEN
        PERFORM task_raise_retry(countdown => '100 ms', reason => 'not yet');
    END IF;
    RETURN format('after %s retries', retries);
END
$$;

CREATE OR REPLACE FUNCTION example_note(area int) RETURNS text
LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO example_notes VALUES (area) RETURNING format('noted %s', area);
END;

\echo === the functions become tasks
SELECT task_register('example_area(int, int)'::regprocedure),
       task_register('example_third_time()'::regprocedure, max_retries => 5),
       task_register('example_note(int)'::regprocedure);

\echo === positional arguments: task_delay; task_get waits for the result
SELECT clock_timestamp() AS began \gset
SELECT task_delay('example_area', 3, 4) AS id \gset
SELECT task_get(:'id', timeout => '5 s');

\echo === arguments that do not fit are refused when they are sent
\set ON_ERROR_STOP off
SELECT task_send('example_area', '[3]', '{"depth": 4}');

\echo === an error of the function is the result of the task
SELECT task_send('example_area', '[]', '{"width": -1}') AS id \gset
SELECT task_get(:'id', timeout => '5 s');
\set ON_ERROR_STOP on

\echo === a task that asks to be run again
SELECT task_send('example_third_time') AS id \gset
SELECT task_get(:'id', timeout => '5 s');

\echo === a callback: its first argument is the result of the task it is linked to
SELECT task_send('example_area', '[5, 6]', link => ARRAY[task_s('example_note')]) AS id \gset
SELECT task_get(:'id', timeout => '5 s');
SELECT child, task_get(child, timeout => '5 s') FROM task_children(:'id') AS child;

\echo === the tasks and what became of them
SELECT name, state, retries, result, exc_type
FROM task_state WHERE sent_at > :'began' ORDER BY sent_at;
