-- contract.sql
--      The names, arguments and columns that applications are written against,
--      and what holds for every object of the extension.

BEGIN;
SELECT no_plan();

-- Relations: the columns come in any order, and more may be added.
CREATE FUNCTION has_columns(relation name, columns name[]) RETURNS text
LANGUAGE sql AS $$
    SELECT is(array_agg(c ORDER BY c), NULL, relation || ' has its columns')
    FROM unnest(columns) AS c
    WHERE NOT EXISTS (SELECT FROM pg_attribute AS a
                      WHERE a.attrelid = relation::regclass AND a.attname = c
                            AND NOT a.attisdropped)
$$;
SELECT has_columns('task_message', '{id,name,args,kwargs,queue,priority,ready,state,eta,expires,retries,max_retries,deliveries,worker,leased_until,waiting,root_id,parent_id,group_id,sent_by,sent_at,started_at,options}');
SELECT has_columns('task_result', '{id,name,args,kwargs,queue,state,result,exc_type,exc_message,traceback,retries,worker,root_id,parent_id,group_id,sent_by,sent_at,started_at,done_at}');
SELECT has_columns('task_state', '{id,name,args,kwargs,queue,state,result,exc_type,exc_message,traceback,retries,worker,root_id,parent_id,group_id,sent_by,sent_at,started_at,done_at,runtime}');
SELECT has_columns('task_queue', '{name,paused}');
SELECT has_columns('task_definition', '{name,function,queue,priority,max_retries,retry_delay,retry_backoff,retry_backoff_max,retry_jitter,autoretry_for,soft_time_limit,time_limit,expires,acks_late,max_deliveries,ignore_result,track_started,rate_limit}');
SELECT has_columns('task_worker', '{name,queues,concurrency,state}');

-- Composite types: in exactly this order, since clients build rows of them.
SELECT is(array_agg(attname ORDER BY attnum)::text, '{id,name,args,kwargs,queue,priority,retries,max_retries,delivery,eta,expires,root_id,parent_id,group_id,options}', 'task_delivery')
FROM pg_attribute WHERE attrelid = 'task_delivery'::regclass AND attnum > 0;
SELECT is(array_agg(attname ORDER BY attnum)::text, '{id,delivery,state,result,exc_type,exc_message,traceback,countdown,started_at}', 'task_outcome')
FROM pg_attribute WHERE attrelid = 'task_outcome'::regclass AND attnum > 0;

-- Functions: a call by these argument names is possible, with this result.
CREATE FUNCTION can_call(function name, arguments text[], result text) RETURNS text
LANGUAGE sql AS $$
    SELECT ok(EXISTS (
            SELECT FROM pg_proc AS p
            WHERE p.proname = function
                AND format_type(p.prorettype, NULL) || CASE WHEN p.proretset THEN '[]' ELSE '' END = result
                AND coalesce(p.proargnames, '{}') @> arguments
                AND p.pronargs >= cardinality(arguments)
                AND p.pronargs - p.pronargdefaults <= cardinality(arguments)),
        format('%s(%s) returns %s', function, array_to_string(arguments, ', '), result))
$$;
SELECT can_call(f, a, r)
FROM (VALUES
    ('task_register', '{function}'::text[], 'text'),
    ('task_register', '{function,name,queue,priority,max_retries,retry_delay,retry_backoff,retry_backoff_max,retry_jitter,autoretry_for,soft_time_limit,time_limit,expires,acks_late,max_deliveries,ignore_result,track_started,rate_limit}', 'text'),
    ('task_define', '{name}', 'text'),
    ('task_define', '{name,queue,priority,max_retries,if_not_exists}', 'text'),
    ('task_send', '{name}', 'uuid'),
    ('task_send', '{name,args,kwargs,queue,priority,countdown,eta,expires,max_retries,soft_time_limit,time_limit,ignore_result,link,link_error,headers,shadow,id}', 'uuid'),
    ('task_send_many', '{name,args}', 'uuid[]'),
    ('task_delay', '{name}', 'uuid'),
    ('task_delay', '{name,args}', 'uuid'),
    ('task_get', '{id}', 'jsonb'),
    ('task_get', '{id,timeout,propagate}', 'jsonb'),
    ('task_ready', '{id}', 'boolean'),
    ('task_successful', '{id}', 'boolean'),
    ('task_failed', '{id}', 'boolean'),
    ('task_children', '{id}', 'uuid[]'),
    ('task_forget', '{id}', 'boolean'),
    ('task_revoke', '{id,terminate,signal}', 'boolean'),
    ('task_purge', '{queue}', 'bigint'),
    ('task_requeue', '{id}', 'boolean'),
    ('task_fetch', '{worker,queues,max,wait,lease}', 'task_delivery[]'),
    ('task_finish', '{worker,outcomes}', 'uuid[]'),
    ('task_succeed', '{id,result}', 'boolean'),
    ('task_fail', '{id,exc_type,exc_message,traceback}', 'boolean'),
    ('task_retry', '{id,countdown,exc_message}', 'boolean'),
    ('task_reject', '{id,requeue}', 'boolean'),
    ('task_update_state', '{id,state,info}', 'boolean'),
    ('task_extend', '{worker,ids,lease}', 'uuid[]'),
    ('task_heartbeat', '{worker}', 'void'),
    ('task_heartbeat', '{worker,queues,concurrency,state,info}', 'void'),
    ('task_attach', '{worker,ids,deliveries}', 'uuid[]'),
    ('task_started', '{worker,ids,started_at}', 'void'),
    ('task_current', '{}', 'task_delivery'),
    ('task_raise_retry', '{countdown,reason}', 'void'),
    ('task_raise_reject', '{requeue}', 'void'),
    ('task_raise_ignore', '{}', 'void')
) AS contract (f, a, r);
SELECT has_function('task_unregister', ARRAY['text']);
SELECT is((SELECT prokind FROM pg_proc WHERE proname = 'task_wait'), 'p', 'task_wait is a procedure');

-- Defaults that are part of the contract.
SELECT lives_ok($$SELECT task_define('contract.task')$$, 'a task can be defined by its name');
SELECT row_eq($$SELECT max_retries, retry_delay, retry_backoff_max, acks_late, max_deliveries
                FROM task_definition WHERE name = 'contract.task'$$,
              ROW(3, interval '180 s', interval '600 s', true, 3),
              'options have Celery''s defaults');
SELECT lives_ok($$SELECT task_send('contract.unknown')$$, 'a task needs no definition to be sent');
SELECT row_eq($$SELECT args, kwargs, queue, priority::int, state, retries, deliveries
                FROM task_message WHERE name = 'contract.unknown'$$,
              ROW('[]'::jsonb, '{}'::jsonb, 'default'::text, 0, 'PENDING'::text, 0, 0),
              'a task sent by its name alone');

-- What holds for all objects.
CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        AND e.extname = 'celeriac';
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM member JOIN pg_proc AS p ON p.oid = objid
    WHERE classid = 'pg_proc'::regclass AND p.prosecdef
        AND NOT coalesce(p.proconfig::text LIKE '%search_path=%', false)$$,
    'functions with the owner''s rights pin their search_path');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM member JOIN pg_proc AS p ON p.oid = objid
    WHERE classid = 'pg_proc'::regclass AND p.proname !~ '^(task|celeriac)_'$$,
    'functions are prefixed');
SELECT is_empty($$
    SELECT c.relname FROM member JOIN pg_class AS c ON c.oid = objid
    WHERE classid = 'pg_class'::regclass AND c.relname !~ '^(task|celeriac)_'$$,
    'relations are prefixed');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM member JOIN pg_proc AS p ON p.oid = objid
    WHERE classid = 'pg_proc'::regclass AND p.proname ~ '^task_'
        AND p.proname !~ '^task_signature_(in|out|recv|send)$'
        AND obj_description(p.oid, 'pg_proc') IS NULL$$,
    'every public function has a comment');
SELECT is_empty($$
    SELECT c.relname FROM member JOIN pg_class AS c ON c.oid = objid
    WHERE classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v')
        AND obj_description(c.oid, 'pg_class') IS NULL$$,
    'every table and view has a comment');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM member JOIN pg_proc AS p ON p.oid = objid
    WHERE classid = 'pg_proc'::regclass AND p.proname ~ '^task_'
        AND p.provolatile = 'v' AND p.proparallel <> 'u'$$,
    'what changes something is not parallel safe');

SELECT * FROM finish();
ROLLBACK;
