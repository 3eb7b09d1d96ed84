-- privileges.sql
--      Who may do what: nothing for everybody, each role its part, and a sender
--      its own tasks only.

BEGIN;
SELECT no_plan();

CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        AND e.extname = 'celeriac';

-- Nothing is granted to PUBLIC.
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM member JOIN pg_proc AS p ON p.oid = objid,
        aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
    WHERE classid = 'pg_proc'::regclass AND a.grantee = 0$$,
    'no function is for everybody');
SELECT is_empty($$
    SELECT c.relname, a.privilege_type FROM member JOIN pg_class AS c ON c.oid = objid,
        aclexplode(c.relacl) AS a
    WHERE classid = 'pg_class'::regclass AND a.grantee = 0$$,
    'no relation is for everybody');

-- The roles.
SELECT has_role(r) FROM unnest('{celeriac_sender,celeriac_worker,celeriac_monitor,celeriac_admin}'::name[]) AS r;
SELECT is_empty($$
    SELECT rolname FROM pg_roles
    WHERE rolname ~ '^celeriac_(sender|worker|monitor|admin)$'
        AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls)$$,
    'they have no attributes');

CREATE FUNCTION may(role name, function name, expected boolean) RETURNS text
LANGUAGE sql AS $$
    SELECT is(bool_and(has_function_privilege(role, p.oid, 'EXECUTE')), expected,
              format('%s %s call %s', role, CASE WHEN expected THEN 'may' ELSE 'must not' END, function))
    FROM pg_proc AS p WHERE p.proname = function
$$;
SELECT may('celeriac_sender', f, true)
FROM unnest('{task_send,task_send_many,task_delay,task_get,task_ready,task_revoke,task_forget,task_s}'::name[]) AS f;
SELECT may('celeriac_sender', f, false)
FROM unnest('{task_register,task_define,task_unregister,task_fetch,task_finish,task_heartbeat,task_purge}'::name[]) AS f;
SELECT may('celeriac_worker', f, true)
FROM unnest('{task_fetch,task_finish,task_attach,task_started,task_extend,task_heartbeat,task_wait,task_define,task_send}'::name[]) AS f;
SELECT may('celeriac_worker', f, false)
FROM unnest('{task_register,task_unregister,task_purge}'::name[]) AS f;
SELECT may('celeriac_monitor', f, false)
FROM unnest('{task_send,task_fetch,task_finish,task_revoke,task_purge,task_register}'::name[]) AS f;
SELECT may('celeriac_admin', f, true)
FROM unnest('{task_register,task_define,task_unregister,task_send,task_fetch,task_finish,task_revoke,task_purge}'::name[]) AS f;

SELECT ok(NOT has_table_privilege(r, t, 'INSERT, UPDATE, DELETE, TRUNCATE'), format('%s does not write %s', r, t))
FROM unnest('{celeriac_sender,celeriac_worker,celeriac_monitor,celeriac_admin}'::name[]) AS r,
    unnest('{task_message,task_result}'::text[]) AS t;
SELECT ok(NOT has_table_privilege(r, t, 'SELECT'), format('%s does not read %s', r, t))
FROM unnest('{celeriac_sender,celeriac_worker}'::name[]) AS r,
    unnest('{task_message,task_result}'::text[]) AS t;

-- Own tasks only.
CREATE ROLE alice;
CREATE ROLE bob;
CREATE ROLE carol;
GRANT celeriac_sender TO alice, bob;
GRANT celeriac_monitor TO carol;
GRANT ALL ON SCHEMA public TO alice, bob, carol;
CREATE TEMP TABLE sent (who text, id uuid);
GRANT ALL ON sent TO alice, bob, carol;

SET ROLE alice;
INSERT INTO sent SELECT 'alice', task_send('of.alice', '["secret"]');
RESET ROLE;
SET ROLE bob;
INSERT INTO sent SELECT 'bob', task_send('of.bob');
SELECT results_eq('SELECT name FROM task_state', ARRAY['of.bob'], 'a sender sees what it sent');
SELECT throws_ok($$SELECT task_get(id, timeout => '0') FROM sent WHERE who = 'alice'$$, 'TC001', NULL,
                 'another''s task is unknown to it');
SELECT throws_ok($$SELECT task_revoke(id) FROM sent WHERE who = 'alice'$$, 'TC001', NULL,
                 'it cannot revoke it');
SELECT throws_ok('SELECT * FROM task_message', '42501', NULL, 'nor look past the view');
RESET ROLE;
SET ROLE carol;
SELECT bag_eq('SELECT name FROM task_state', ARRAY['of.alice', 'of.bob'], 'a monitor sees all');
SELECT throws_ok($$SELECT task_send('of.carol')$$, '42501', NULL, 'and sends nothing');
RESET ROLE;

-- The view does not leak rows to functions of the caller's.
SET ROLE bob;
CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    IF $1 LIKE '%alice%' THEN
        RAISE EXCEPTION 'leaked %', $1;
    END IF;
    RETURN true;
END
$$;
SELECT lives_ok('SELECT count(*) FROM task_state WHERE public.leak(name)', 'the view is a barrier');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
