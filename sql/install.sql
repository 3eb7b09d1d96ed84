--
-- Installing and removing: everything is there, documented and closed to
-- PUBLIC, and DROP EXTENSION leaves nothing behind.  The other files use the
-- extension that this one leaves.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS celeriac;
RESET client_min_messages;

-- in a schema of its own, whose name needs quotes
CREATE SCHEMA "Work in progress";
CREATE EXTENSION celeriac SCHEMA "Work in progress";
CREATE SCHEMA elsewhere;
SET search_path = elsewhere;
SELECT "Work in progress".task_send('install.one', '[1]') IS NOT NULL AS sent;
SELECT name, args, state FROM "Work in progress".task_state;
SELECT name, args, delivery FROM "Work in progress".task_fetch('w', wait => '30 s');
SELECT "Work in progress".task_succeed(id, '"done"') FROM "Work in progress".task_state;
SELECT state, result, worker FROM "Work in progress".task_state;
SELECT "Work in progress".task_children(id) FROM "Work in progress".task_state;
RESET search_path;
DROP EXTENSION celeriac;

-- nothing is left: no object, no process
SELECT relname FROM pg_class WHERE relname ~ '^_?(task|celeriac)_' ORDER BY 1;
SELECT proname FROM pg_proc WHERE proname ~ '^(task|celeriac)_' ORDER BY 1;
SELECT typname FROM pg_type WHERE typname ~ '^_?(task|celeriac)_' ORDER BY 1;
SELECT tgname FROM pg_trigger WHERE tgname ~ 'celeriac';
DO $$
BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type LIKE 'celeriac%');
		PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
	END LOOP;
END $$;
SELECT backend_type FROM pg_stat_activity
WHERE datname = current_database() AND backend_type LIKE 'celeriac%';
DROP SCHEMA "Work in progress", elsewhere;

-- created in a transaction that is rolled back, and dropped in one
BEGIN;
CREATE EXTENSION celeriac;
SELECT task_send('install.two') IS NOT NULL AS sent;
ROLLBACK;
SELECT count(*) FROM pg_extension WHERE extname = 'celeriac';
CREATE EXTENSION celeriac;
SELECT task_send('install.three') IS NOT NULL AS sent;
BEGIN;
DROP EXTENSION celeriac;
ROLLBACK;
SELECT name FROM task_state;
SELECT name FROM task_fetch('w', wait => '30 s');
SELECT task_reject(id) FROM task_state;
SELECT task_forget(id) FROM task_state;

-- it may be dropped and created in one session, with plans and caches in use
DROP EXTENSION celeriac;
CREATE EXTENSION celeriac;
SELECT task_send('install.four') IS NOT NULL AS sent;
SELECT name, delivery FROM task_fetch('w', wait => '30 s');
SELECT task_succeed(id) FROM task_state;
SELECT task_forget(id) FROM task_state;
SELECT count(*) FROM task_state;

-- a second one, another schema
CREATE EXTENSION celeriac;
CREATE SCHEMA elsewhere;
ALTER EXTENSION celeriac SET SCHEMA elsewhere;
DROP SCHEMA elsewhere;

--
-- What it holds
--
-- from PostgreSQL 16 on, the types of rows and arrays are members as well
CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'celeriac'
	AND NOT EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE d.classid = 'pg_type'::regclass AND t.oid = d.objid
		AND (t.typcategory = 'A' OR c.relkind <> 'c'));
SELECT c.relkind, c.relname FROM member JOIN pg_class c ON c.oid = objid
WHERE classid = 'pg_class'::regclass ORDER BY c.relkind, c.relname COLLATE "C";
SELECT objid::regtype FROM member WHERE classid = 'pg_type'::regclass ORDER BY 1;
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls
FROM pg_roles WHERE rolname LIKE 'celeriac%' ORDER BY 1;

-- every public function, relation and type says what it is
SELECT objid::regprocedure AS not_documented FROM member JOIN pg_proc p ON p.oid = objid
WHERE classid = 'pg_proc'::regclass AND p.proname LIKE 'task%'
	AND p.proname !~ '^task_signature_(in|out|recv|send)$'
	AND obj_description(objid, 'pg_proc') IS NULL;
SELECT objid::regclass AS not_documented FROM member JOIN pg_class c ON c.oid = objid
WHERE classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v')
	AND obj_description(objid, 'pg_class') IS NULL;
SELECT objid::regtype AS not_documented FROM member
WHERE classid = 'pg_type'::regclass AND obj_description(objid, 'pg_type') IS NULL;

-- nothing is granted to PUBLIC
SELECT objid::regprocedure, a.privilege_type FROM member JOIN pg_proc p ON p.oid = objid,
	aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE classid = 'pg_proc'::regclass AND a.grantee = 0;
SELECT objid::regclass, a.privilege_type FROM member JOIN pg_class c ON c.oid = objid,
	aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
WHERE classid = 'pg_class'::regclass AND a.grantee = 0;
SELECT objid::regtype, a.privilege_type FROM member JOIN pg_type t ON t.oid = objid,
	aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
WHERE classid = 'pg_type'::regclass AND a.grantee = 0;

-- a search_path of the caller's leads no function astray
SELECT objid::regprocedure AS not_pinned FROM member
	JOIN pg_proc p ON p.oid = objid JOIN pg_language l ON l.oid = p.prolang
WHERE classid = 'pg_proc'::regclass AND l.lanname <> 'c'
	AND coalesce(p.proconfig::text, '') !~ 'search_path';

-- pg_dump keeps what users put in
SELECT c.oid::regclass AS dumped FROM pg_extension e, unnest(e.extconfig) AS c
WHERE e.extname = 'celeriac' ORDER BY c.oid::regclass::text COLLATE "C";

-- the library and the control file agree
SELECT celeriac_version() = extversion AS agree FROM pg_extension WHERE extname = 'celeriac';
DROP VIEW member;
