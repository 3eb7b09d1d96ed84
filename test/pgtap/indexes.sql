-- indexes.sql
--      Guards rows that are put into tables without SQL: whatever indexes the
--      user has added to these must get them, from the moment the index takes
--      rows, and what their kinds remember of a statement must not pile up in
--      a session that goes on for days.

SELECT no_plan();
SELECT task_queue_create('indexed') \g /dev/null

CREATE VIEW segment AS
SELECT 'task_message'::regclass AS relid
UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = 'task_message'::regclass;

-- The definition of an index, for every segment.
CREATE FUNCTION index_segments(kind text, columns text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    segment regclass;
BEGIN
    FOR segment IN SELECT relid FROM segment LOOP
        EXECUTE format('CREATE INDEX %I ON %s USING %s (%s)',
                       'user_' || kind || '_' || segment::oid, segment, kind, columns);
    END LOOP;
END $$;

-- As a step of CREATE INDEX CONCURRENTLY does, which nobody else hears of than
-- those that remember the index itself.
CREATE FUNCTION set_ready(ready boolean) RETURNS void LANGUAGE sql AS $$
    UPDATE pg_index SET indisready = ready
    WHERE indrelid IN (SELECT relid FROM segment)
        AND indexrelid::regclass::text LIKE 'user\_btree\_%';
$$;

CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan;
END $$;

SET enable_seqscan = off;
SELECT index_segments('btree', 'name') \g /dev/null
SELECT unalike(plan_of($$SELECT FROM task_message WHERE name = 'task'$$), '%Seq Scan%',
               'the rows are looked for in the index');
SELECT set_ready(false) \g /dev/null
SELECT task_send('before', queue => 'indexed') \g /dev/null
SELECT is((SELECT count(*) FROM task_message WHERE name = 'before'), 0::bigint,
          'an index that takes no rows gets none');
SELECT set_ready(true) \g /dev/null
SELECT task_send('after', queue => 'indexed') \g /dev/null
SELECT is((SELECT count(*) FROM task_message WHERE name = 'after'), 1::bigint,
          'one that takes rows gets them from the next row on');
RESET enable_seqscan;

-- Kinds that prepare something for each statement, and keep it for its rows.
SELECT index_segments(kind, columns)
FROM (VALUES ('gin', 'kwargs'), ('brin', 'sent_at'), ('gist', 'tstzrange(sent_at, sent_at, ''[]'')'))
    AS added (kind, columns) \g /dev/null

CREATE FUNCTION send_many(tasks int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..tasks LOOP
        PERFORM task_send('many', queue => 'indexed', kwargs => '{"a": 1}');
    END LOOP;
END $$;

-- Until 17 a memory context names its parent, from 18 on all that it is in.
CREATE FUNCTION kept_bytes() RETURNS numeric LANGUAGE sql AS $$
    WITH context AS MATERIALIZED (
        SELECT name, total_bytes, to_jsonb(c) AS c FROM pg_backend_memory_contexts AS c)
    SELECT sum(total_bytes) FROM context
    WHERE name LIKE 'celeriac store%' OR c ->> 'parent' LIKE 'celeriac store%'
        OR EXISTS (SELECT FROM context AS store WHERE store.name LIKE 'celeriac store%'
                   AND context.c -> 'path' @> (store.c -> 'path' -> -1))
$$;

SELECT send_many(10) \g /dev/null
SELECT kept_bytes() AS before \gset
SELECT send_many(300) \g /dev/null
SELECT cmp_ok(kept_bytes(), '<=', :before + 8192::numeric, 'sends leave nothing behind in the session');
SELECT cmp_ok(kept_bytes(), '>', 0::numeric, 'which was looked at');
SELECT is((SELECT count(*) FROM task_message WHERE kwargs @> '{"a": 1}'), 310::bigint,
          'all rows are in the indexes');

SELECT * FROM finish();
