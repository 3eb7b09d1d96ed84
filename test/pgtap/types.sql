-- types.sql
--      Guards against a column, argument or default that changes its type
--      without notice: applications store these values and pass them by name.
--      Also the shape of the indexes, which the speed of claims rests on.

BEGIN;
SELECT no_plan();

-- Columns, with their types.
SELECT col_type_is(t::name, c::name, y, format('%s.%s is %s', t, c, y)) FROM (VALUES
    ('task_message', 'id', 'uuid'), ('task_message', 'name', 'text'), ('task_message', 'args', 'jsonb'),
    ('task_message', 'kwargs', 'jsonb'), ('task_message', 'queue', 'text'), ('task_message', 'priority', 'smallint'),
    ('task_message', 'ready', 'bigint'), ('task_message', 'state', 'text'),
    ('task_message', 'eta', 'timestamp with time zone'), ('task_message', 'expires', 'timestamp with time zone'),
    ('task_message', 'retries', 'integer'), ('task_message', 'max_retries', 'integer'),
    ('task_message', 'deliveries', 'integer'), ('task_message', 'worker', 'text'),
    ('task_message', 'leased_until', 'timestamp with time zone'), ('task_message', 'waiting', 'integer'),
    ('task_message', 'root_id', 'uuid'), ('task_message', 'parent_id', 'uuid'), ('task_message', 'group_id', 'uuid'),
    ('task_message', 'sent_by', 'text'), ('task_message', 'sent_at', 'timestamp with time zone'),
    ('task_message', 'started_at', 'timestamp with time zone'), ('task_message', 'options', 'jsonb'),
    ('task_result', 'id', 'uuid'), ('task_result', 'args', 'jsonb'), ('task_result', 'state', 'text'),
    ('task_result', 'result', 'jsonb'), ('task_result', 'exc_type', 'text'), ('task_result', 'exc_message', 'text'),
    ('task_result', 'traceback', 'text'), ('task_result', 'retries', 'integer'), ('task_result', 'worker', 'text'),
    ('task_result', 'sent_by', 'text'), ('task_result', 'started_at', 'timestamp with time zone'),
    ('task_result', 'done_at', 'timestamp with time zone'),
    ('task_state', 'id', 'uuid'), ('task_state', 'state', 'text'), ('task_state', 'result', 'jsonb'),
    ('task_state', 'eta', 'timestamp with time zone'), ('task_state', 'runtime', 'interval'),
    ('task_state', 'deliveries', 'integer'), ('task_state', 'options', 'jsonb'),
    ('task_queue', 'name', 'text'), ('task_queue', 'paused', 'boolean'),
    ('task_definition', 'name', 'text'), ('task_definition', 'priority', 'smallint'),
    ('task_definition', 'max_retries', 'integer'), ('task_definition', 'retry_delay', 'interval'),
    ('task_definition', 'retry_backoff', 'double precision'), ('task_definition', 'autoretry_for', 'text[]'),
    ('task_definition', 'time_limit', 'interval'), ('task_definition', 'expires', 'interval'),
    ('task_worker', 'name', 'text'), ('task_worker', 'queues', 'text[]'), ('task_worker', 'state', 'text'),
    ('task_worker', 'heartbeat', 'timestamp with time zone'), ('task_worker', 'stale', 'bigint')
) AS v (t, c, y);
SELECT col_is_pk(t::name, c::name) FROM (VALUES
    ('task_message', 'id'), ('task_result', 'id'), ('task_queue', 'name'), ('task_definition', 'name')) AS v (t, c);
SELECT col_not_null('task_message', c::name) FROM unnest('{id,name,args,kwargs,queue,priority,state,retries,deliveries,waiting,sent_by,sent_at}'::text[]) AS c;
SELECT col_not_null('task_result', c::name) FROM unnest('{id,name,args,kwargs,queue,state,retries,sent_by,sent_at,done_at}'::text[]) AS c;

-- The composite types that workers read and write.
SELECT is(format_type(a.atttypid, a.atttypmod), y, format('%s.%s is %s', t, c, y)) FROM (VALUES
    ('task_delivery', 'id', 'uuid'), ('task_delivery', 'args', 'jsonb'), ('task_delivery', 'kwargs', 'jsonb'),
    ('task_delivery', 'priority', 'integer'), ('task_delivery', 'retries', 'integer'),
    ('task_delivery', 'max_retries', 'integer'), ('task_delivery', 'delivery', 'integer'),
    ('task_delivery', 'eta', 'timestamp with time zone'), ('task_delivery', 'expires', 'timestamp with time zone'),
    ('task_delivery', 'root_id', 'uuid'), ('task_delivery', 'options', 'jsonb'),
    ('task_outcome', 'id', 'uuid'), ('task_outcome', 'delivery', 'integer'), ('task_outcome', 'state', 'text'),
    ('task_outcome', 'result', 'jsonb'), ('task_outcome', 'traceback', 'text'),
    ('task_outcome', 'countdown', 'interval'), ('task_outcome', 'started_at', 'timestamp with time zone')
) AS v (t, c, y) JOIN pg_attribute AS a ON a.attrelid = t::regclass AND a.attname = c;

-- Arguments: names, types and defaults, of every call in the design.
SELECT is((SELECT string_agg(regexp_replace(pg_get_function_arguments(p.oid), '::[a-z_ ]+(\[\])?', '', 'g'), E'\n' ORDER BY p.oid::regprocedure::text)
           FROM pg_proc AS p WHERE p.proname = f AND p.proargtypes[0] IS DISTINCT FROM 'task_signature'::regtype), a, f)
FROM (VALUES
    ('task_send', 'name text, args jsonb DEFAULT ''[]'', kwargs jsonb DEFAULT ''{}'', queue text DEFAULT NULL, priority integer DEFAULT NULL, countdown interval DEFAULT NULL, eta timestamp with time zone DEFAULT NULL, expires timestamp with time zone DEFAULT NULL, max_retries integer DEFAULT NULL, soft_time_limit interval DEFAULT NULL, time_limit interval DEFAULT NULL, ignore_result boolean DEFAULT NULL, link task_signature[] DEFAULT NULL, link_error task_signature[] DEFAULT NULL, headers jsonb DEFAULT NULL, shadow text DEFAULT NULL, id uuid DEFAULT NULL'),
    ('task_send_many', 'name text, args jsonb[], kwargs jsonb DEFAULT ''{}'', queue text DEFAULT NULL, priority integer DEFAULT NULL, countdown interval DEFAULT NULL, eta timestamp with time zone DEFAULT NULL, expires timestamp with time zone DEFAULT NULL, max_retries integer DEFAULT NULL, soft_time_limit interval DEFAULT NULL, time_limit interval DEFAULT NULL, ignore_result boolean DEFAULT NULL, link task_signature[] DEFAULT NULL, link_error task_signature[] DEFAULT NULL, headers jsonb DEFAULT NULL, shadow text DEFAULT NULL, id uuid DEFAULT NULL'),
    ('task_get', 'id uuid, timeout interval DEFAULT NULL, propagate boolean DEFAULT true'),
    ('task_fetch', 'worker text, queues text[] DEFAULT ''{default}'', max integer DEFAULT 1, wait interval DEFAULT ''00:00:00'', lease interval DEFAULT ''00:00:30'''),
    ('task_finish', 'worker text, outcomes task_outcome[]'),
    ('task_succeed', 'id uuid, result jsonb DEFAULT NULL'),
    ('task_fail', 'id uuid, exc_type text DEFAULT NULL, exc_message text DEFAULT NULL, traceback text DEFAULT NULL'),
    ('task_retry', 'id uuid, countdown interval DEFAULT NULL, exc_message text DEFAULT NULL'),
    ('task_reject', 'id uuid, requeue boolean DEFAULT false'),
    ('task_update_state', 'id uuid, state text, info jsonb DEFAULT NULL'),
    ('task_extend', 'worker text, ids uuid[], lease interval DEFAULT ''00:00:30'''),
    ('task_heartbeat', 'worker text, queues text[] DEFAULT NULL, concurrency integer DEFAULT NULL, state text DEFAULT ''online'', info jsonb DEFAULT NULL'),
    ('task_attach', 'worker text, ids uuid[], deliveries integer[]'),
    ('task_started', 'worker text, ids uuid[], started_at timestamp with time zone[]'),
    ('task_purge', 'queue text'), ('task_forget', 'id uuid'), ('task_requeue', 'id uuid'),
    ('task_ready', 'id uuid'), ('task_successful', 'id uuid'), ('task_failed', 'id uuid'), ('task_children', 'id uuid'),
    ('task_queue_pause', 'name text'), ('task_queue_resume', 'name text'), ('task_unregister', 'name text'),
    ('task_raise_retry', 'countdown interval DEFAULT NULL, reason text DEFAULT NULL'),
    ('task_raise_reject', 'requeue boolean DEFAULT false'), ('task_raise_ignore', ''), ('task_current', ''),
    ('task_sig', 'name text, args jsonb DEFAULT ''[]'', kwargs jsonb DEFAULT ''{}'', options jsonb DEFAULT ''{}'', immutable boolean DEFAULT false')
) AS v (f, a);

-- A lease is a HOT update: it changes no column of any index, and pages have room.
SELECT is_empty($$
    SELECT i.indexrelid::regclass, a.attname
    FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid
    WHERE i.indrelid = 'task_message'::regclass
        AND a.attname IN ('state', 'worker', 'leased_until', 'deliveries', 'started_at', 'options', 'retries')
        AND (a.attnum = ANY (i.indkey) OR pg_get_expr(i.indpred, i.indrelid) ~ ('\m' || a.attname || '\M'))$$,
    'no index of task_message holds a column that a claim changes');
SELECT ok(reloptions @> '{fillfactor=85}', 'pages of task_message have room for the update')
FROM pg_class WHERE oid = 'task_message'::regclass;
SELECT is(pg_get_indexdef('task_message_ready_idx'::regclass, 0, true) ~ '\(queue, priority DESC, ready\) WHERE ready IS NOT NULL$',
    true, 'the dispatch index is the one of the design');
SELECT is_empty($$SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text ~ '^task_'$$,
    'no foreign keys on the path of a task');

SELECT * FROM finish();
ROLLBACK;
