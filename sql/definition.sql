--
-- Definitions: what is known of a task, changeable while it is in use.  A
-- default that is lost when a worker starts, or that holds only for some
-- sessions, is found out in production.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- defaults
SELECT task_define('definition.plain');
SELECT * FROM task_definition WHERE name = 'definition.plain' \gx
-- every option
SELECT task_define('definition.all', queue => 'definition', priority => 255, max_retries => 10, retry_delay => '1 s',
	retry_backoff => 1.5, retry_backoff_max => '1 min', retry_jitter => false, autoretry_for => '{40001,IOError}',
	soft_time_limit => '1 s', time_limit => '2 s', expires => '1 hour', acks_late => false, max_deliveries => 1,
	ignore_result => true, track_started => true, rate_limit => '10/m');
SELECT * FROM task_definition WHERE name = 'definition.all' \gx
-- again: only what is given changes
SELECT task_define('definition.all', priority => 1, max_retries => -1);
SELECT priority, max_retries, retry_delay, queue, rate_limit, acks_late FROM task_definition WHERE name = 'definition.all';
SELECT task_define('definition.all');
SELECT priority, max_retries, retry_delay, queue, rate_limit, acks_late FROM task_definition WHERE name = 'definition.all';
-- a worker that starts does not undo what was changed at run time
SELECT task_define('definition.all', priority => 9, max_retries => 5, if_not_exists => true);
SELECT priority, max_retries FROM task_definition WHERE name = 'definition.all';
SELECT task_define('definition.new', priority => 9, if_not_exists => true);
SELECT priority FROM task_definition WHERE name = 'definition.new';

-- functions: the name is the function's, or given
CREATE SCHEMA definition;
CREATE FUNCTION definition.f(x int, y text DEFAULT 'y') RETURNS text LANGUAGE sql RETURN x || y;
CREATE FUNCTION definition."Odd Name"() RETURNS int LANGUAGE sql RETURN 1;
SELECT task_register('definition.f(int,text)'::regprocedure, queue => 'definition', max_retries => 1);
SELECT task_register('definition.f(int,text)'::regprocedure, 'definition.named', time_limit => '1 min');
SELECT task_register('definition."Odd Name"()'::regprocedure);
SELECT name, function, queue, max_retries, time_limit FROM task_definition WHERE function IS NOT NULL ORDER BY name COLLATE "C";
-- task_define leaves the function, task_register the options
SELECT task_define('f', priority => 3), task_register('definition.f(int,text)'::regprocedure);
SELECT function, queue, priority, max_retries FROM task_definition WHERE name = 'f';
-- an external task becomes a SQL task
SELECT task_register('definition.f(int,text)'::regprocedure, 'definition.new');
SELECT function, priority FROM task_definition WHERE name = 'definition.new';

-- what cannot be a task
CREATE PROCEDURE definition.p() LANGUAGE sql AS '';
CREATE AGGREGATE definition.a(int) (SFUNC = int4pl, STYPE = int);
CREATE FUNCTION definition.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pg_temp.gone() RETURNS int LANGUAGE sql RETURN 1;
SELECT task_register('definition.p()'::regprocedure);
SELECT task_register('definition.a(int)'::regprocedure);
SELECT task_register('definition.t()'::regprocedure);
SELECT task_register('rank()'::regprocedure);
SELECT task_register('pg_temp.gone()'::regprocedure);
SELECT task_register('definition.none()'::regprocedure);
SELECT task_register(NULL);
SELECT count(*) FROM task_definition WHERE name IN ('p', 'a', 't', 'rank', 'gone');

-- a table like others: changed by UPDATE, seen at once
SELECT task_send('definition.plain', '[1]', queue => 'definition') IS NOT NULL AS sent;
UPDATE task_definition SET priority = 42, queue = 'definition.2' WHERE name = 'definition.plain';
SELECT task_send('definition.plain', '[2]') IS NOT NULL AS sent;
BEGIN;
UPDATE task_definition SET priority = 43 WHERE name = 'definition.plain';
SELECT task_send('definition.plain', '[3]') IS NOT NULL AS sent;
SAVEPOINT s;
SELECT task_define('definition.plain', priority => 44);
SELECT task_send('definition.plain', '[4]') IS NOT NULL AS sent;
ROLLBACK TO s;
SELECT task_send('definition.plain', '[4, "again"]') IS NOT NULL AS sent;
COMMIT;
BEGIN;
UPDATE task_definition SET priority = 45 WHERE name = 'definition.plain';
SELECT task_send('definition.plain', '[5]') IS NOT NULL AS sent;
ROLLBACK;
SELECT task_send('definition.plain', '[6]') IS NOT NULL AS sent;
DELETE FROM task_definition WHERE name = 'definition.plain';
SELECT task_send('definition.plain', '[7]', queue => 'definition') IS NOT NULL AS sent;
SELECT args, queue, priority FROM task_state WHERE name = 'definition.plain' ORDER BY sent_at;

-- what is not allowed
SELECT task_define('');
SELECT task_define(NULL);
SELECT task_define('definition.bad', priority => 256);
SELECT task_define('definition.bad', priority => -1);
SELECT task_define(repeat('x', 256));
SELECT task_define('definition.bad', queue => '');
SELECT task_define('definition.bad', retry_delay => '-1 s');
SELECT task_define('definition.bad', retry_backoff => -1);
SELECT task_define('definition.bad', time_limit => '0');
SELECT task_define('definition.bad', soft_time_limit => '2 s', time_limit => '1 s');
SELECT task_define('definition.all', soft_time_limit => '3 s');
SELECT task_define('definition.bad', expires => '0');
SELECT task_define('definition.bad', max_deliveries => 0);
\echo :LAST_ERROR_SQLSTATE
SELECT task_define('definition.bad', retires => 1);
SELECT count(*) FROM task_definition WHERE name = 'definition.bad';

-- unregistered: gone, and what is sent ends in an executor as NotRegistered
SELECT task_unregister('definition.named'), task_unregister('definition.named'), task_unregister(NULL);
SELECT task_send('definition.named', '[1]', queue => 'server') AS id \gset
SELECT task_get(:'id', timeout => '30 s', propagate => false) -> 'exc_type' AS exc_type;
-- a function that is dropped
SELECT task_send('f', '[1]', queue => 'server') AS id \gset
SELECT task_get(:'id', timeout => '30 s');
DROP FUNCTION definition.f;
SELECT task_send('f', '[1]', queue => 'server') AS id \gset
SELECT task_get(:'id', timeout => '30 s', propagate => false) IS NOT NULL AS ended;
SELECT state FROM task_state WHERE id = :'id';

-- a type it takes is dropped too: its queue goes on with the others
CREATE TYPE definition.pair AS (x int, y int);
CREATE FUNCTION definition.takes(pair definition.pair) RETURNS int LANGUAGE sql RETURN 1;
SELECT task_register('definition.takes(definition.pair)'::regprocedure, queue => 'definition.q');
SELECT task_send('takes', '[{"x": 1, "y": 2}]') IS NOT NULL, task_send('definition.other', queue => 'definition.q') IS NOT NULL;
SET client_min_messages = warning;
DROP TYPE definition.pair CASCADE;
RESET client_min_messages;
SELECT name FROM task_fetch('definition', '{definition.q}', 10);

SET client_min_messages = warning;
DROP SCHEMA definition CASCADE;
DELETE FROM task_definition WHERE name LIKE 'definition%' OR name IN ('f', 'takes', 'Odd Name');
DELETE FROM task_message WHERE name LIKE 'definition%' OR name = 'takes';
DELETE FROM task_result WHERE name LIKE 'definition%' OR name = 'f';
DELETE FROM task_queue WHERE name LIKE 'definition%';
