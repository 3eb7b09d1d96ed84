--
-- Roles: what each of the four may do, and that nobody else may anything.  A
-- role that reads other people's arguments, or ends their tasks, is a breach.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
DROP ROLE IF EXISTS regress_roles_ann, regress_roles_bob, regress_roles_worker, regress_roles_monitor,
	regress_roles_admin, regress_roles_nobody;
RESET client_min_messages;
CREATE ROLE regress_roles_ann IN ROLE celeriac_sender;
CREATE ROLE regress_roles_bob IN ROLE celeriac_sender;
CREATE ROLE regress_roles_worker IN ROLE celeriac_worker;
CREATE ROLE regress_roles_monitor IN ROLE celeriac_monitor;
CREATE ROLE regress_roles_admin IN ROLE celeriac_admin;
CREATE ROLE regress_roles_nobody;
CREATE TEMP TABLE ids (name text PRIMARY KEY, id uuid);
GRANT ALL ON ids TO PUBLIC;

-- tries a statement as a role; says whether the right was there
CREATE FUNCTION may(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', 'regress_roles_' || role);
	BEGIN
		EXECUTE statement;
		result := 'yes';
	EXCEPTION WHEN insufficient_privilege THEN
		result := '-';
	WHEN OTHERS THEN
		result := SQLSTATE;
	END;
	RESET ROLE;
	RETURN result;
END $$;
CREATE TEMP TABLE act (n serial, what text, statement text);
INSERT INTO act (what, statement) VALUES
	('send', $$SELECT task_send('roles.try', queue => 'roles')$$),
	('send many', $$SELECT task_send_many('roles.try', '{}')$$),
	('delay', $$SELECT task_delay('roles.try', 1)$$),
	('signature', $$SELECT task_s('roles.try', 1), task_si('t'), task_sig('t'), '{"task": "t"}'::task_signature$$),
	('ask', $$SELECT task_ready(id) FROM task_state$$),
	('children', $$SELECT task_children(gen_random_uuid())$$),
	('transitions', $$SELECT * FROM task_transition$$),
	('forget', $$SELECT task_forget(gen_random_uuid())$$),
	('requeue', $$SELECT task_requeue(gen_random_uuid())$$),
	('revoke', $$SELECT task_revoke('{}'::uuid[])$$),
	('fetch', $$SELECT * FROM task_fetch('roles', '{roles}')$$),
	('finish', $$SELECT task_finish('roles', '{}')$$),
	('finish one', $$SELECT task_succeed(gen_random_uuid()), task_fail(gen_random_uuid()), task_retry(gen_random_uuid()), task_reject(gen_random_uuid())$$),
	('extend', $$SELECT task_extend('roles', '{}')$$),
	('started', $$SELECT task_started('roles', '{}', '{}')$$),
	('attach', $$SELECT task_attach('roles', '{}', '{}')$$),
	('heartbeat', $$SELECT task_heartbeat('roles')$$),
	('define', $$SELECT task_define('roles.try')$$),
	('create a queue', $$SELECT task_queue_create('roles')$$),
	('see workers', $$SELECT * FROM task_worker$$),
	('see queues', $$SELECT * FROM task_queue$$),
	('see definitions', $$SELECT * FROM task_definition$$),
	('see messages', $$SELECT * FROM task_message$$),
	('see results', $$SELECT * FROM task_result$$),
	('see the database', $$SELECT celeriac_database_stats()$$),
	('register', $$SELECT task_register('pg_backend_pid()'::regprocedure, 'roles.try')$$),
	('unregister', $$SELECT task_unregister('roles.try')$$),
	('pause', $$SELECT task_queue_pause('roles'), task_queue_resume('roles')$$),
	('purge', $$SELECT task_purge('roles')$$),
	('events', $$SELECT task_events_enable(), task_events_auto()$$),
	('change queues', $$UPDATE task_queue SET paused = false WHERE name = 'roles'$$),
	('change definitions', $$UPDATE task_definition SET priority = 0 WHERE name = 'roles.try'$$),
	('write messages', $$INSERT INTO task_message (id, name, queue) VALUES (gen_random_uuid(), 'roles.try', 'roles')$$),
	('change messages', $$UPDATE task_message SET sent_by = current_user$$),
	('delete messages', $$DELETE FROM task_message$$),
	('write results', $$INSERT INTO task_result DEFAULT VALUES$$),
	('change results', $$UPDATE task_result SET result = '1'$$),
	('delete results', $$DELETE FROM task_result$$),
	('see the table of workers', $$SELECT * FROM celeriac_worker$$),
	('dispatch order', $$SELECT nextval('task_ready_seq')$$),
	('define unchecked', $$SELECT celeriac_define('roles.try', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)$$);
SELECT task_queue_create('roles');
SELECT what, may('ann', statement) AS sender, may('worker', statement) AS worker, may('monitor', statement) AS monitor,
	may('admin', statement) AS admin, may('nobody', statement) AS nobody
FROM act ORDER BY n;
-- a procedure of its own
SET ROLE regress_roles_ann;
CALL task_wait('{roles}', '0');
SET ROLE regress_roles_worker;
CALL task_wait('{roles}', '0');
RESET ROLE;
SELECT task_purge('roles') > 0 AS purged;
DELETE FROM task_result WHERE name = 'roles.try';

--
-- A role sees its own tasks
--
SET ROLE regress_roles_ann;
INSERT INTO ids SELECT 'waits', task_send('roles.ann', '["waits"]', queue => 'roles');
INSERT INTO ids SELECT 'ended', task_send('roles.ann', '["ended"]', queue => 'roles', priority => 9);
SELECT name, args, sent_by FROM task_state ORDER BY name, args;
SET ROLE regress_roles_worker;
SELECT name, args FROM task_fetch('roles', '{roles}');
SELECT task_succeed(id, '"secret"') FROM ids WHERE name = 'ended';
SELECT name, args FROM task_state ORDER BY name, args;
SET ROLE regress_roles_bob;
INSERT INTO ids SELECT 'bob', task_send('roles.bob', queue => 'roles');
SELECT name FROM task_state;
\set VERBOSITY sqlstate
SELECT task_ready(id) FROM ids WHERE name = 'waits';
\set VERBOSITY default
SELECT task_ready(id) FROM ids WHERE name = 'bob';
SET ROLE regress_roles_monitor;
SELECT name, args, sent_by FROM task_state WHERE name LIKE 'roles%' ORDER BY name, args, sent_by;
SELECT task_get(id) FROM ids WHERE name = 'ended';
SET ROLE regress_roles_admin;
SELECT count(*) FROM task_state WHERE name LIKE 'roles%';
SET ROLE regress_roles_nobody;
SELECT count(*) FROM task_state;
RESET ROLE;

-- what is not one's own is unknown, whatever one asks
CREATE FUNCTION asks(role text, task text) RETURNS TABLE (call text, answer text) LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := (SELECT i.id FROM ids i WHERE i.name = task);
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', 'regress_roles_' || role);
	FOREACH call IN ARRAY '{task_get,task_ready,task_successful,task_failed,task_forget,task_requeue,task_revoke,task_children,task_update_state}'::text[] LOOP
		BEGIN
			EXECUTE format(CASE call WHEN 'task_update_state' THEN 'SELECT %s(%L, ''PROGRESS'')'
				WHEN 'task_get' THEN 'SELECT %s(%L, ''0'')' ELSE 'SELECT %s(%L)' END, call, task_id) INTO answer;
			RAISE SQLSTATE 'XX999';
		EXCEPTION WHEN SQLSTATE 'XX999' THEN NULL;
		WHEN OTHERS THEN answer := SQLSTATE || ' ' || replace(SQLERRM, task_id::text, 'id');
		END;
		RETURN NEXT;
	END LOOP;
	RESET ROLE;
END $$;
SELECT a.call, a.answer AS "of one that waits", e.answer AS "of one that ended" FROM asks('bob', 'waits') AS a JOIN asks('bob', 'ended') AS e USING (call);
-- the owner
SELECT a.call, a.answer AS "of one that waits", e.answer AS "of one that ended" FROM asks('ann', 'waits') AS a JOIN asks('ann', 'ended') AS e USING (call);
-- monitor sees, but changes nothing; a role that is monitor and sender neither
SELECT a.call, a.answer AS "of one that waits", e.answer AS "of one that ended" FROM asks('monitor', 'waits') AS a JOIN asks('monitor', 'ended') AS e USING (call);
GRANT celeriac_monitor TO regress_roles_bob;
SELECT a.call, a.answer AS "of one that waits", e.answer AS "of one that ended" FROM asks('bob', 'waits') AS a JOIN asks('bob', 'ended') AS e USING (call);
REVOKE celeriac_monitor FROM regress_roles_bob;
SELECT a.call, a.answer AS "of one that waits", e.answer AS "of one that ended" FROM asks('admin', 'waits') AS a JOIN asks('admin', 'ended') AS e USING (call);

-- an id in use is in use, also by others; nothing is told of it
SET ROLE regress_roles_bob;
SELECT id AS used FROM ids WHERE name = 'waits' \gset
\set VERBOSITY sqlstate
SELECT task_send('roles.bob', id => :'used');
\set VERBOSITY default
-- links are sent by who sent the task, not by the worker that ended it
SET ROLE regress_roles_ann;
INSERT INTO ids SELECT 'linked', task_send('roles.ann', '["linked"]', queue => 'roles', priority => 200, link => ARRAY[task_s('roles.link')]);
SET ROLE regress_roles_worker;
SELECT args FROM task_fetch('roles', '{roles}');
SELECT task_succeed(id) FROM ids WHERE name = 'linked';
RESET ROLE;
SELECT name, sent_by FROM task_state WHERE name = 'roles.link';
SET ROLE regress_roles_ann;
SELECT count(*) FROM ids i, task_children(i.id) WHERE i.name = 'linked';
SET ROLE regress_roles_bob;
SELECT count(*) FROM ids i, task_children(i.id) WHERE i.name = 'linked';
RESET ROLE;

-- in a function of another's rights it is that role that sends and sees
CREATE FUNCTION roles_as_admin() RETURNS TABLE (name text, sent_by name) LANGUAGE sql SECURITY DEFINER
	AS $$ SELECT task_send('roles.definer', queue => 'roles'); SELECT s.name, s.sent_by FROM task_state s WHERE s.name = 'roles.definer' $$;
ALTER FUNCTION roles_as_admin OWNER TO regress_roles_admin;
SET ROLE regress_roles_nobody;
SELECT * FROM roles_as_admin();
RESET ROLE;
DROP FUNCTION roles_as_admin;

-- the view leaks nothing through a function that is cheap
CREATE FUNCTION roles_leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
	AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SET ROLE regress_roles_bob;
SELECT name FROM task_state WHERE roles_leak(name);
RESET ROLE;
DROP FUNCTION roles_leak;

-- a search_path of the caller's does not lead the extension astray
CREATE SCHEMA roles_trap AUTHORIZATION regress_roles_bob;
SET ROLE regress_roles_bob;
CREATE TABLE roles_trap.task_message (id uuid);
CREATE FUNCTION roles_trap.jsonb_build_object(text, uuid) RETURNS jsonb LANGUAGE sql AS $$ SELECT 'null'::jsonb $$;
SET search_path = roles_trap, public;
SELECT count(*) FROM task_send('roles.trap', queue => 'roles');
SELECT name FROM task_state WHERE name = 'roles.trap';
SELECT count(*) FROM roles_trap.task_message;
RESET search_path;
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA roles_trap CASCADE;

DELETE FROM task_message WHERE name LIKE 'roles%';
DELETE FROM task_result WHERE name LIKE 'roles%';
DELETE FROM task_definition WHERE name LIKE 'roles%';
DELETE FROM task_queue WHERE name LIKE 'roles%';
DROP FUNCTION may, asks;
DROP TABLE ids, act;
DROP ROLE regress_roles_ann, regress_roles_bob, regress_roles_worker, regress_roles_monitor, regress_roles_admin, regress_roles_nobody;
