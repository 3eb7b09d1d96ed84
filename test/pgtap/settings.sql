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

-- What docs/configuration.md says of them, in its tables and in the sections:
-- default, range, and when a change takes effect.
\set page `cat docs/configuration.md`
CREATE TEMP VIEW page_row AS
    SELECT m[1] AS name, m[2] AS second, m[3] AS third
    FROM regexp_matches(:'page', '^\| \[?`(celeriac\.[a-z_]+)`[^|]*\| ([^|]+) \| ([^|]+) \|$', 'gn') AS m;
CREATE TEMP VIEW page_section AS
    SELECT split_part(section, ' ', 1) AS name, substring(section, 'Default: ([^.(]*[^.( ])') AS boot, substring(section, 'Range: ([^.]+)\.') AS range
    FROM (SELECT translate(s, E'\n', ' ') AS section FROM regexp_split_to_table(:'page', '\n## ') AS s) AS s WHERE section LIKE 'celeriac.%';
CREATE TEMP VIEW setting AS SELECT * FROM pg_settings WHERE name LIKE 'celeriac.%';

-- A value as people write it, as the server does.
CREATE FUNCTION pg_temp.plain(said text, unit text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE
        WHEN said = 'empty' THEN ''
        WHEN unit IS NULL THEN trim(said, '`')
        ELSE round(extract(epoch FROM said::interval) * CASE unit WHEN 'ms' THEN 1000 ELSE 1 END)::text END
$$;
CREATE FUNCTION pg_temp.bounds(said text, unit text) RETURNS text[] LANGUAGE sql AS $$
    SELECT CASE WHEN said LIKE '% and more' THEN ARRAY[pg_temp.plain(split_part(said, ' and more', 1), unit), '2147483647']
        ELSE ARRAY[pg_temp.plain(split_part(said, ' to ', 1), unit), pg_temp.plain(split_part(said, ' to ', 2), unit)] END
$$;

SELECT results_eq(
    $$SELECT r.name, pg_temp.plain(second, unit), third FROM page_row AS r LEFT JOIN setting AS s USING (name)
        WHERE third IN ('reload', 'restart', 'any session') ORDER BY 1$$,
    $$SELECT name, boot_val, CASE context WHEN 'postmaster' THEN 'restart' WHEN 'sighup' THEN 'reload' ELSE 'any session' END FROM setting ORDER BY 1$$,
    'the page lists all settings, their defaults, and when a change takes effect');
SELECT results_eq(
    $$SELECT name, pg_temp.plain(boot, unit) FROM page_section JOIN setting USING (name) ORDER BY 1$$,
    $$SELECT name, boot_val FROM setting WHERE name !~ '\.max_' ORDER BY 1$$, 'each section says the default again');
SELECT results_eq(
    $$SELECT name, pg_temp.bounds(range, unit) FROM (
        SELECT name, range FROM page_section
        UNION ALL SELECT name, third FROM page_row WHERE third LIKE '% to %') AS r JOIN setting USING (name) WHERE range IS NOT NULL ORDER BY 1$$,
    $$SELECT name, ARRAY[min_val, max_val] FROM setting WHERE vartype = 'integer' AND name <> 'celeriac.result_expires' ORDER BY 1$$,
    'and the range of a number');
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

-- What is no name, or no list of names, is refused where it is set, and says why.
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' ', SQLSTATE, detail, hint);
END $$;
SELECT is(pg_temp.refusal(format('SET LOCAL celeriac.default_queue = %L', q)), '22023 The queue name "' || q || '" ' || fault ||
    ' A name has 1 to 63 bytes and no control characters.', 'default_queue: ' || fault)
FROM (VALUES ('', 'must not be empty.'), (repeat('q', 64), 'is too long.'), (repeat('ä', 32), 'is too long.'),
    (E'a\tb', 'must not contain control characters.')) AS v (q, fault);
SELECT is(pg_temp.refusal(format('SET LOCAL celeriac.default_queue = %L', q)), 'taken', 'default_queue: a name of 63 bytes, and of more than one word')
FROM (VALUES (repeat('q', 63)), ('the other, one')) AS v (q);

-- A role without rights cannot read the modules.
CREATE ROLE pgtap_settings_nobody;
SET LOCAL ROLE pgtap_settings_nobody;
SELECT throws_ok('SHOW celeriac.modules', '42501', NULL, 'celeriac.modules is for superusers to read');
SELECT lives_ok('SHOW celeriac.executors', 'others are for all');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
