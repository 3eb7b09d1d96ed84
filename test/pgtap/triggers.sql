-- triggers.sql
--      Guards against users' code that runs inside our statements (triggers,
--      checks, defaults, foreign keys) and is planned as if it were ours:
--      without sequential scans and JIT, for tables that are large, and kept so
--      by the session.  And against our own statements when such code sends
--      tasks and canvases in the middle of them.

SELECT no_plan();
SET client_min_messages = warning;

-- What a plan made here and now would look like.
CREATE FUNCTION settings() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) SELECT FROM task_message' INTO message;
    RETURN format('seqscan %s, jit %s, %s', current_setting('enable_seqscan'), current_setting('jit'),
        CASE WHEN (message #>> '{0,Plan,Plan Rows}')::numeric < 1000000 THEN 'as it is' ELSE 'for large tables' END);
END $$;
CREATE FUNCTION as_ever() RETURNS text LANGUAGE sql IMMUTABLE RETURN 'seqscan on, jit on, as it is';
SET jit = on;
SELECT is(settings(), as_ever(), 'outside of our statements');

-- A plan that is kept: of a table so small that no index is worth its while.
CREATE TABLE small (x int PRIMARY KEY);
INSERT INTO small SELECT generate_series(1, 5);
ANALYZE small;
CREATE FUNCTION look() RETURNS boolean LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    RETURN EXISTS (SELECT FROM small WHERE x = 3);
END $$;
CREATE FUNCTION scans() RETURNS bigint LANGUAGE sql AS $$
    SELECT idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'small'
$$;

CREATE TABLE seen (what text, settings text, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen VALUES (format('%s of %s', TG_OP, TG_TABLE_NAME), settings());
    PERFORM look();
    RETURN NULL;
END $$;
CREATE FUNCTION see_value(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seen VALUES (what, settings());
    RETURN true;
END $$;

CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON task_message FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER see AFTER INSERT OR DELETE ON task_result FOR EACH ROW EXECUTE FUNCTION see();
ALTER TABLE task_result ADD CONSTRAINT seen CHECK (see_value('check of task_result'));
ALTER TABLE task_message ADD COLUMN seen boolean DEFAULT see_value('default of task_message');
-- what is deleted with a message, and that table's own trigger
CREATE TABLE job (task uuid REFERENCES task_message ON DELETE CASCADE);
CREATE TRIGGER see AFTER DELETE ON job FOR EACH ROW EXECUTE FUNCTION see();
DELETE FROM seen;

-- One task after the other: sent, retried, ended, revoked, forgotten.
SELECT task_send('triggers.first') AS id \gset
INSERT INTO job VALUES (:'id');
-- the first fetch in a new database waits for its coordinator
SELECT is((SELECT count(task_retry(id, '0 s')) FROM task_fetch('w', wait => '30 s')), 1::bigint, 'a task is tried again');
BEGIN;
SELECT scans() AS before \gset
SELECT look() \g /dev/null
SELECT is(scans() - :before, 0::bigint, 'a plan kept by a trigger reads a small table as anybody would');
COMMIT;
SELECT is((SELECT count(task_succeed(id)) FROM task_fetch('w', wait => '30 s')), 1::bigint, 'and ends');
SELECT task_revoke(task_send('triggers.second')) \g /dev/null
SELECT task_forget(:'id') \g /dev/null
SELECT bag_eq('SELECT DISTINCT what FROM seen', ARRAY['INSERT of task_message', 'UPDATE of task_message', 'DELETE of task_message',
    'INSERT of task_result', 'DELETE of task_result', 'DELETE of job', 'check of task_result', 'default of task_message'], 'all of this ran');
SELECT is_empty('SELECT DISTINCT what, settings FROM seen WHERE settings <> as_ever()', 'nothing of it was planned as our statements are');
DISCARD PLANS;

-- A canvas, moved on in executors and by us.
CREATE FUNCTION inc(x int) RETURNS int LANGUAGE sql RETURN x + 1;
CREATE FUNCTION total(x jsonb) RETURNS bigint LANGUAGE sql AS $$ SELECT sum(n::int) FROM jsonb_array_elements(x) AS n $$;
SELECT task_register('inc(int)'::regprocedure), task_register('total(jsonb)'::regprocedure) \g /dev/null
TRUNCATE seen;
SELECT task_send(task_s('inc', 1) | task_group(task_s('inc'), task_s('inc')) | task_s('total') | task_s('inc')) AS id \gset
SELECT is(task_get(:'id', timeout => '60 s'), '7', 'a canvas with triggers');
SELECT ok(EXISTS (SELECT FROM seen WHERE pid <> pg_backend_pid() AND what = 'UPDATE of task_message'), 'executors move it on');
SELECT is_empty('SELECT DISTINCT what, settings FROM seen WHERE settings <> as_ever()', 'and plan nothing of it as their own');

-- A trigger that sends: in the middle of the statement that ends a task, and in a task.
CREATE TABLE bill (task uuid, follow uuid);
CREATE FUNCTION follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name = 'triggers.followed' AND NEW.state = 'SUCCESS' THEN
        INSERT INTO bill VALUES (NEW.id, task_send(task_s('inc', NEW.result) | task_s('inc')));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER follow AFTER INSERT ON task_result FOR EACH ROW EXECUTE FUNCTION follow();
SELECT count(*) FROM task_send_many('triggers.followed', ARRAY(SELECT jsonb_build_array(i) FROM generate_series(1, 50) AS i)) \g /dev/null
SELECT is((SELECT count(*) FROM task_finish('w', ARRAY(
        SELECT ROW(id, delivery, 'SUCCESS', args -> 0, NULL, NULL, NULL, NULL, NULL)::task_outcome
        FROM task_fetch('w', max => 100)))), 50::bigint, 'fifty end at once, and each sends a chain');
SELECT is((SELECT count(*) FROM bill AS b JOIN task_result AS r ON r.id = b.task
    WHERE task_get(b.follow, timeout => '60 s')::int = r.result::int + 2), 50::bigint, 'each of which runs, with its own argument');

CREATE TABLE ordered (item int, follow uuid);
CREATE FUNCTION order_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.follow := task_send(task_group(task_s('inc', NEW.item), task_s('inc', NEW.item + 1)) | task_s('total'));
    RETURN NEW;
END $$;
CREATE TRIGGER order_more BEFORE INSERT ON ordered FOR EACH ROW EXECUTE FUNCTION order_more();
CREATE FUNCTION place(item int) RETURNS int LANGUAGE sql AS 'INSERT INTO public.ordered VALUES (item) RETURNING item';
SELECT task_register('place(int)'::regprocedure) \g /dev/null
SELECT task_send(task_group(VARIADIC ARRAY(SELECT task_s('place', i) FROM generate_series(1, 20) AS i)) | task_s('total')) AS id \gset
SELECT is(task_get(:'id', timeout => '60 s'), '210', 'a chord of tasks whose own trigger sends');
SELECT is((SELECT count(*) FROM ordered WHERE task_get(follow, timeout => '60 s')::int = 2 * item + 3), 20::bigint, 'the chords that it sent end');

-- A function's own search_path holds in our statements too: names that lead
-- elsewhere there are for an attacker to make.
CREATE SCHEMA billing;
CREATE TABLE billing.entry (task uuid);
CREATE TABLE entry (task uuid);
CREATE FUNCTION billing.book() RETURNS trigger LANGUAGE plpgsql SET search_path = billing AS $$
BEGIN
    INSERT INTO entry VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER book AFTER INSERT ON task_message FOR EACH ROW WHEN (NEW.name = 'triggers.booked') EXECUTE FUNCTION billing.book();
SELECT task_send('triggers.booked', queue => 'booked') \g /dev/null
SELECT results_eq('SELECT (SELECT count(*) FROM billing.entry), (SELECT count(*) FROM entry)', $$VALUES (1::bigint, 0::bigint)$$, 'a trigger''s own search_path');

-- One that fails takes what it was part of with it, and what we set aside is set back.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'not this one';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON task_result FOR EACH ROW WHEN (NEW.name = 'triggers.refused') EXECUTE FUNCTION refuse();
SELECT task_send('triggers.refused') AS id \gset
SELECT is((SELECT count(*) FROM task_fetch('w')), 1::bigint, 'one is fetched');
SELECT throws_ok(format('SELECT task_succeed(%L)', :'id'), 'P0001', 'not this one', 'a trigger refuses its result');
SELECT is(settings(), as_ever(), 'afterwards this session plans as before');
SELECT is((SELECT state FROM task_state WHERE id = :'id'), 'RECEIVED', 'and the task has not ended');
DROP TRIGGER refuse ON task_result;
SELECT ok(task_succeed(:'id'), 'it ends without the trigger');

SELECT * FROM finish();
