-- options.sql
--      Guards against an option of a task that one of the places which name it
--      leaves out: the table, the functions, the SDK, the documents; that is
--      stored in another's column; or that is stored and changes nothing.

SELECT no_plan();

--
-- One list, in all places.
--
CREATE TEMP VIEW stored AS
    SELECT attname::text AS option, format_type(atttypid, NULL) AS type, attnum AS place FROM pg_attribute
    WHERE attrelid = 'task_definition'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('name', 'function');
CREATE TEMP VIEW argument AS
    SELECT p.proname::text AS function, a.name AS option, format_type(a.type, NULL) AS type, a.place
    FROM pg_proc AS p, unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a (name, type, place)
    WHERE p.proname IN ('task_register', 'task_define', 'celeriac_define') AND a.name NOT IN ('name', 'function', 'if_not_exists');
-- docs/sql.md: the table in the section task_register
\set page `cat docs/sql.md`
CREATE TEMP VIEW documented AS
    SELECT m[1] COLLATE "C" AS option, replace(m[2], 'float8', 'double precision') AS type, m[3] AS boot
    FROM regexp_matches(:'page', '^\| `([a-z_]+) ([a-z0-9\[\]]+)` \| ([^|]+) \| [^|]+ \|$', 'gn') AS m;
-- The list that C and the install script are made of, and what docs/task-sdk.md says of it.
\set header `cat worker/include/celeriac/options.h`
\set sdk_page `cat docs/task-sdk.md`
CREATE TEMP VIEW listed AS
    SELECT m[1] COLLATE "C" AS option, m[2] AS kind, m[3] AS definition, m[4] AS unset, m[5] AS send, m[6] AS signature, number
    FROM regexp_matches(:'header', '^\tOPTION\((\w+), (\w+), (\w+), ([^,]+), (\w+), (\w+)\)', 'gn') WITH ORDINALITY AS r (m, number);
CREATE TEMP VIEW in_sdk AS SELECT option FROM listed WHERE definition = 'module';

SELECT results_eq(format($$SELECT option, replace(type, 'smallint', 'integer') FROM stored ORDER BY place$$),
    format($$SELECT option, type FROM argument WHERE function = %L ORDER BY place$$, f), f || ' takes the columns of task_definition, in their order')
FROM unnest('{task_register,task_define,celeriac_define}'::text[]) AS f;
SELECT results_eq($$SELECT option, type FROM documented$$, $$SELECT option, replace(type, 'smallint', 'integer') FROM stored ORDER BY place$$,
    'docs/sql.md describes them, in this order');
SELECT results_eq($$SELECT option FROM in_sdk ORDER BY 1$$,
    $$SELECT option FROM stored WHERE option NOT IN ('expires', 'rate_limit') ORDER BY 1$$, 'a C task may set all but two');
SELECT is_empty(format($$SELECT option FROM in_sdk WHERE substring(%L, '\n## Listing the tasks\n.*?\n## ') NOT LIKE '%%`' || option || '`%%'$$, :'sdk_page'),
    'docs/task-sdk.md names each of those');
-- Each line of the list is read, and all of it.
SELECT is(count(*), array_length(regexp_split_to_array(:'header', '\n\tOPTION\('), 1) - 1::bigint, 'the list is read whole') FROM listed;
SELECT results_eq($$SELECT option FROM listed WHERE definition <> 'none' ORDER BY number$$, 'SELECT option FROM stored ORDER BY place', 'it has the columns of task_definition');
SELECT results_eq(format($$SELECT a.name COLLATE "C" FROM pg_proc AS p, unnest(p.proargnames) WITH ORDINALITY AS a (name, place) WHERE p.oid = %L::regprocedure
        AND a.name NOT IN ('name', 'sig', 'args', 'kwargs', 'id') ORDER BY a.place$$, oid::regprocedure),
    $$SELECT option FROM listed WHERE send = 'send' ORDER BY number$$, format('and the parameters of %s(%s, …)', proname, proargnames[1]))
FROM pg_proc WHERE proname IN ('task_send', 'task_send_many');
SELECT is(regexp_replace(regexp_replace(substring(:'page', '\ntask_send\((name text.*?)\) → uuid'), '\s+', ' ', 'g'), ' DEFAULT [^,]+', '', 'g'),
    replace(parameters, 'timestamp with time zone', 'timestamptz'), 'docs/sql.md has the parameters of task_send')
FROM pg_proc AS p, LATERAL (SELECT string_agg(a.name || ' ' || format_type(a.type, NULL), ', ' ORDER BY a.place) AS parameters
    FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS a (name, type, place)) AS l
WHERE proname = 'task_send' AND proargnames[1] = 'name';

--
-- What a new definition has is what the documentation says.
--
SELECT task_define('options.plain') \g /dev/null
CREATE FUNCTION definition(name text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT to_jsonb(d) - '{name,function}'::text[] FROM task_definition AS d WHERE d.name = $1 $$;
-- Its row, if the defaults were these.
CREATE FUNCTION row_of(options jsonb) RETURNS jsonb LANGUAGE sql AS
$$ SELECT to_jsonb(d) - '{name,function}'::text[] FROM jsonb_populate_record(NULL::task_definition, options) AS d $$;
SELECT is(definition('options.plain'), (SELECT row_of(jsonb_object_agg(option, CASE WHEN boot NOT IN ('none', 'off') THEN boot END)) FROM documented),
    'defaults are as documented');
-- A task without a definition has the defaults of C: NULL there is NULL or 0 or -1.
CREATE TEMP VIEW plain AS SELECT key COLLATE "C" AS option, value FROM jsonb_each_text(definition('options.plain'));
SELECT is_empty($$SELECT option, value, unset FROM plain JOIN listed USING (option) WHERE definition <> 'none' AND NOT CASE kind
    WHEN 'integer' THEN coalesce(value::int, -1) = unset::int
    WHEN 'boolean' THEN value::boolean = unset::boolean
    WHEN 'interval' THEN coalesce(extract(epoch FROM value::interval), 0) = unset::numeric
    WHEN 'float8' THEN coalesce(value::float8, 0) = unset::float8
    ELSE value IS NULL AND unset IN ('NULL', '{0}') END$$, 'a task without a definition has the same');

--
-- Each option goes to its own column, by each function, and to no other.
--
CREATE TEMP TABLE other (option text, value text);
INSERT INTO other VALUES ('queue', 'options'), ('priority', '7'), ('max_retries', '5'), ('retry_delay', '00:00:11'), ('retry_backoff', '100'),
    ('retry_backoff_max', '00:02:30'), ('retry_jitter', 'false'), ('autoretry_for', '{IOError,40001}'), ('soft_time_limit', '00:00:12'),
    ('time_limit', '00:00:13'), ('expires', '01:00:00'), ('acks_late', 'false'), ('max_deliveries', '2'), ('ignore_result', 'true'),
    ('track_started', 'true'), ('rate_limit', '10/m');
SELECT set_eq('SELECT option FROM other', 'SELECT option FROM stored', 'there is a value to try for each');
CREATE FUNCTION a_task(x jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE sql RETURN x;
CREATE FUNCTION defined_by(function text, option text, value text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    EXECUTE format('SELECT %I(%s, %I => %L)', function,
        CASE function WHEN 'task_register' THEN $q$'a_task'::regproc::regprocedure, name => 'options.' || gen_random_uuid()$q$
            ELSE $q$'options.' || gen_random_uuid()$q$ END, option, value) INTO name;
    RETURN definition(name);
END $$;
SELECT is(defined_by(f, option, value), definition('options.plain') || jsonb_build_object(option, row_of(jsonb_build_object(option, value)) -> option),
    format('%s(%s => …)', f, option))
FROM other, unnest('{task_register,task_define}'::text[]) AS f;
SELECT is_empty($$SELECT option FROM other WHERE row_of(jsonb_build_object(option, value)) -> option = definition('options.plain') -> option$$,
    'none of these values is a default');

-- All at once; what is not given again stays, also when a pool declares it.
CREATE FUNCTION call(call text, options jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(call, (SELECT string_agg(format('%I => %L', key, value), ', ') FROM jsonb_each_text(options)));
END $$;
SELECT jsonb_object_agg(option, value) AS others FROM other \gset
SELECT call('SELECT task_define(''options.all'', %s)', :'others') \g /dev/null
SELECT call('SELECT task_register(''a_task''::regproc::regprocedure, ''options.inside'', %s)', :'others') \g /dev/null
SELECT is(definition(name), row_of(:'others'), 'every option: ' || name) FROM unnest('{options.all,options.inside}'::text[]) AS name;
SELECT task_define('options.all'), task_register('a_task'::regproc::regprocedure, 'options.inside') \g /dev/null
SELECT call('SELECT task_define(''options.all'', if_not_exists => true, %s)', jsonb_strip_nulls(definition('options.plain'))) \g /dev/null
SELECT is(definition(name), row_of(:'others'), 'they stay: ' || name) FROM unnest('{options.all,options.inside}'::text[]) AS name;

--
-- What each changes for a task that is sent without any.
--
-- the first fetch in a new database waits for its coordinator
SELECT task_send('options.plain', queue => 'options') AS id \gset
SELECT is((SELECT count(task_succeed(id)) FROM task_fetch('w', '{options}', wait => '30 s')), 1::bigint, 'a new database dispatches');
SELECT task_send('options.all') AS id, clock_timestamp() AS sent \gset
CREATE TEMP TABLE got AS SELECT * FROM task_fetch('w', '{options}', lease => NULL);
SELECT is((SELECT jsonb_build_object('queue', queue, 'priority', priority, 'max_retries', max_retries, 'expires', abs(extract(epoch FROM expires - :'sent') - 3600) < 60) FROM got),
    '{"queue": "options", "priority": 7, "max_retries": 5, "expires": true}', 'a delivery has queue, priority, max_retries, expires of the definition');
SELECT is((SELECT options FROM got), '{"soft_time_limit": 12, "time_limit": 13, "acks_late": false, "ignore_result": true}',
    'and among its options time limits, acks_late, ignore_result');
SELECT is((SELECT state FROM task_message WHERE id = :'id'), 'STARTED', 'acks_late => false: it counts as begun');

CREATE FUNCTION delay(id uuid) RETURNS numeric LANGUAGE sql AS
$$ SELECT round(extract(epoch FROM eta - clock_timestamp())) FROM task_state WHERE task_state.id = delay.id AND state = 'RETRY' $$;
-- One that is to run again some day does so now; the coordinator looks when it is told of another.
CREATE PROCEDURE hurry(id uuid) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE task_message SET eta = clock_timestamp() WHERE task_message.id = hurry.id;
    PERFORM task_send('options.nudge', queue => 'nudge', countdown => '1 ms');
    COMMIT;
END $$;
SELECT ok(task_fail(:'id', 'IOError', 'no'), 'it fails');
SELECT is(delay(:'id'), 100::numeric, 'autoretry_for: it is tried again, retry_backoff says when, without retry_jitter');
CALL hurry(:'id');
SELECT is((SELECT count(*) FROM task_fetch('w', '{options}', wait => '30 s', lease => NULL)), 1::bigint, 'it is fetched again');
SELECT ok(task_fail(:'id', '40001', 'no'), 'and fails again');
SELECT is(delay(:'id'), 150::numeric, 'retry_backoff_max');
CALL hurry(:'id');
SELECT is((SELECT count(*) FROM task_fetch('w', '{options}', wait => '30 s', lease => NULL)), 1::bigint, 'it is fetched again');
SELECT ok(task_fail(:'id', 'ValueError', 'no'), 'and fails with another error');
SELECT is((SELECT state || ' ' || retries FROM task_state WHERE id = :'id'), 'FAILURE 2', 'which is not one to try again for');

SELECT task_define('options.all', retry_backoff => 0) \g /dev/null
SELECT task_send('options.all') AS id \gset
SELECT is((SELECT count(task_retry(id)) FROM task_fetch('w', '{options}', lease => NULL)), 1::bigint, 'one wants to be tried again');
SELECT is(delay(:'id'), 11::numeric, 'retry_delay');
SELECT task_revoke(:'id') \g /dev/null
SELECT task_send('options.all') AS id \gset
SELECT is((SELECT count(task_succeed(id, '"kept"')) FROM task_fetch('w', '{options}', lease => NULL)), 1::bigint, 'one ends');
SELECT is((SELECT ARRAY[state, result::text] FROM task_state WHERE id = :'id'), '{SUCCESS,NULL}', 'ignore_result');

-- A worker that loses the task it has fetched.
CREATE FUNCTION lose() RETURNS uuid LANGUAGE sql AS $$
    SELECT task_finish('w', ARRAY[ROW(id, delivery, 'LOST', NULL, 'WorkerLostError', 'lost', NULL, NULL, NULL)::task_outcome])
    FROM task_fetch('w', '{options}', lease => NULL)
$$;
CREATE FUNCTION state_of(id uuid) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', state, exc_type) FROM task_state WHERE task_state.id = state_of.id $$;
SELECT task_send('options.all') AS id \gset
SELECT lose() \g /dev/null
SELECT is(state_of(:'id'), 'FAILURE WorkerLostError', 'acks_late => false: it is not run again');
SELECT task_define('options.all', acks_late => true) \g /dev/null
SELECT task_send('options.all') AS id \gset
SELECT lose() \g /dev/null
SELECT is(state_of(:'id'), 'PENDING', 'acks_late => true: it is');
SELECT lose() \g /dev/null
SELECT is(state_of(:'id'), 'FAILURE WorkerLostError', 'max_deliveries: not for ever');
SELECT task_define('options.all', expires => '1 ms') \g /dev/null
SELECT task_send('options.all') AS id \gset
SELECT task_get(:'id', timeout => '60 s', propagate => false) \g /dev/null
SELECT is(state_of(:'id'), 'REVOKED TaskRevokedError', 'expires: it ends by itself');

-- What the call says goes before the definition.
SELECT task_send('options.all', queue => 'own', priority => 8, max_retries => 6, expires => now() + '1 day', soft_time_limit => '22 s', time_limit => '23 s',
    ignore_result => false) AS id \gset
SELECT is((SELECT ARRAY[queue, priority::text, max_retries::text, (expires > now() + '1 hour')::text, options ->> 'soft_time_limit', options ->> 'time_limit']
    FROM task_fetch('w', '{own}', lease => NULL)), '{own,8,6,true,22,23}', 'options of the call');
SELECT ok(task_succeed(:'id', '"kept"'), 'it ends');
SELECT is((SELECT result FROM task_state WHERE id = :'id'), '"kept"', 'and ignore_result => false keeps its result');

SELECT * FROM finish();
