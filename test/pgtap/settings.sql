-- settings.sql
--      Guards against settings that vanish, change their default, or can be
--      changed by whom they do not belong to: a sender who could name modules
--      to load would own the server.

BEGIN;
SELECT no_plan();

SELECT is(ROW(s.boot_val, s.context, s.vartype, s.unit)::text, ROW(boot, ctx, type, u)::text, v.name)
FROM (VALUES
    ('celeriac.executors', '2', 'sighup', 'integer', NULL),
    ('celeriac.executor_idle_timeout', '60000', 'sighup', 'integer', 'ms'),
    ('celeriac.queues', 'server', 'sighup', 'string', NULL),
    ('celeriac.default_queue', 'default', 'user', 'string', NULL),
    ('celeriac.modules', '', 'postmaster', 'string', NULL),
    ('celeriac.allow_error_cb_on_chord_header', 'off', 'user', 'bool', NULL),
    ('celeriac.result_expires', '86400', 'sighup', 'integer', 's'),
    ('celeriac.attach_grace', '5000', 'sighup', 'integer', 'ms'),
    ('celeriac.max_claims', '65536', 'postmaster', 'integer', NULL),
    ('celeriac.max_workers', '1024', 'postmaster', 'integer', NULL),
    ('celeriac.max_databases', '128', 'postmaster', 'integer', NULL),
    ('celeriac.max_queues', '4096', 'postmaster', 'integer', NULL)
) AS v (name, boot, ctx, type, u) LEFT JOIN pg_settings AS s ON s.name = v.name;
SELECT is_empty($$SELECT name FROM pg_settings WHERE name LIKE 'celeriac.%' AND coalesce(short_desc, '') = ''$$,
    'every setting says what it is');

SELECT throws_ok('SET celeriac.no_such_setting = 1', '42602', NULL, 'a setting that does not exist');
SELECT throws_ok('SET celeriac.executors = 8', '55P02', NULL, 'not for sessions');
SELECT throws_ok($$SET celeriac.modules = '/tmp/evil'$$, '55P02', NULL, 'modules are named in the configuration');

-- What default_queue does.
SET LOCAL celeriac.default_queue = 'elsewhere';
SELECT is((SELECT queue FROM task_state WHERE id = task_send('settings.task')), NULL, 'a task is not seen by the statement that sends it');
SELECT task_send('settings.task') AS id \gset
SELECT is((SELECT queue FROM task_state WHERE id = :'id'), 'elsewhere', 'default_queue names the queue of tasks that name none');
SET LOCAL celeriac.default_queue = '';
SELECT throws_ok($$SELECT task_send('settings.task')$$, 'TC004', NULL, 'an empty default_queue is no queue');

-- A role without rights cannot read the modules.
CREATE ROLE pgtap_settings_nobody;
SET LOCAL ROLE pgtap_settings_nobody;
SELECT throws_ok('SHOW celeriac.modules', '42501', NULL, 'celeriac.modules is for superusers to read');
SELECT lives_ok('SHOW celeriac.executors', 'others are for all');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
