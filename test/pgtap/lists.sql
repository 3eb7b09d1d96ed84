-- lists.sql
--      Guards against a state, an outcome, an event or a column that one of the
--      places which list them does not know: C, SQL, what the server says in
--      comments and hints, and the documents.

SELECT no_plan();

-- States, and the events that announce them.
\set concepts `sed -n '/^## States/,/^## /p' docs/concepts.md`
\set events `cat docs/events.md`
CREATE TEMP VIEW state AS
    SELECT DISTINCT unnest(ARRAY[from_state, to_state]) AS name FROM task_transition;
CREATE TEMP VIEW drawn AS
    SELECT DISTINCT m[1] AS name FROM regexp_matches(:'concepts', '\m([A-Z]{5,})\M', 'g') AS m;
CREATE TEMP VIEW event AS
    SELECT m[1] AS name, m[2] AS what FROM regexp_matches(:'events', '^\| `(task-[a-z]+)` \| ([^|]+) \|', 'gn') AS m;
SELECT set_eq($$SELECT name FROM state WHERE name <> '*'$$, $$SELECT name FROM drawn WHERE name <> 'PROGRESS'$$, 'docs/concepts.md draws all states');
SELECT set_eq('SELECT DISTINCT event FROM task_transition WHERE event IS NOT NULL', $$SELECT name FROM event WHERE name <> 'task-sent'$$,
    'docs/events.md has all their events');
SELECT is_empty($$SELECT DISTINCT t.to_state, e.* FROM task_transition AS t JOIN event AS e ON e.name = t.event WHERE t.to_state NOT IN ('RECEIVED', 'STARTED', e.what)$$,
    'and says which state each announces');
SELECT set_eq('SELECT name FROM state EXCEPT SELECT from_state FROM task_transition', '{SUCCESS,FAILURE,REVOKED,REJECTED,IGNORED}'::text[], 'five states are final');

-- Outcomes: what the type's comment and the hint of the error list is what is taken.
CREATE TEMP TABLE outcome AS
    SELECT m[1] AS name FROM regexp_matches(substring(obj_description('task_outcome'::regtype, 'pg_type'), 'state: (.*)'), '\m([A-Z]{4,})\M', 'g') AS m;
CREATE FUNCTION finish_as(state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    d task_delivery;
    hint text;
BEGIN
    SELECT * INTO STRICT d FROM task_fetch('w', '{lists}', wait => '30 s');
    PERFORM task_finish('w', ARRAY[ROW(d.id, d.delivery, state,
        CASE state WHEN 'REPLACED' THEN task_s('lists.other')::jsonb END, NULL, NULL, NULL, NULL, NULL)::task_outcome]);
    RETURN (SELECT r.state FROM task_result AS r WHERE r.id = d.id UNION ALL SELECT m.state FROM task_message AS m WHERE m.id = d.id);
EXCEPTION WHEN SQLSTATE 'TC004' THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;
SELECT task_queue_create('lists') \g /dev/null
SELECT count(*) FROM task_send_many('lists.task', array_fill('[]'::jsonb, ARRAY[20]), queue => 'lists') \g /dev/null
SELECT is(count(*), 9::bigint, 'nine outcomes') FROM outcome;
CREATE TEMP TABLE finished AS SELECT name, finish_as(name) AS state FROM outcome;
SELECT is_empty($$SELECT name, state FROM finished WHERE state NOT IN (SELECT to_state FROM task_transition WHERE from_state = 'STARTED') AND name <> 'REPLACED'$$,
    'each is taken, and makes a state that a running task may become');
SELECT is_empty($$SELECT name, state FROM finished WHERE name IN (SELECT name FROM state) AND name <> state$$, 'its own, where there is one');
SELECT finish_as('NONE') AS hint \gset
CREATE TEMP VIEW hinted AS SELECT m[1] AS name FROM regexp_matches(:'hint', '\m([A-Z]{4,})\M', 'g') AS m;
SELECT set_eq('SELECT name FROM outcome', 'SELECT name FROM hinted', 'the hint for another lists the same');
SELECT is(finish_as(name), :'hint', 'a state that is no outcome: ' || name) FROM state WHERE name NOT IN (SELECT name FROM outcome);

-- Columns: of the segments as of their parents, of both tables where they mean the same, and of the types.
CREATE TEMP VIEW col AS
    SELECT attrelid::regclass::text AS relation, attname::text AS name, attnum AS place, format_type(atttypid, atttypmod) AS type, attnotnull AS required
    FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped;
-- C knows them by number: src/base/relation.h.  The first of users' columns would come after ours.
\set header `cat src/base/relation.h`
CREATE TEMP VIEW in_c AS
    SELECT relation, c[1]::name COLLATE "C" AS name, lower(c[2])::name COLLATE "C" AS type, number
    FROM (VALUES ('task_message', 'MESSAGE'), ('task_result', 'RESULT'), ('task_delivery', 'DELIVERY'), ('task_outcome', 'OUTCOME')) AS lists (relation, list),
        substring(:'header', 'CELERIAC_' || list || '_COLUMNS\(COLUMN\) \\(.*?)\n\n') AS rows,
        regexp_matches(rows, '\n\tCOLUMN\((\w+), (\w+)OID', 'g') WITH ORDINALITY AS r (c, number);
SELECT results_eq(format('SELECT name, type, number FROM in_c WHERE relation = %L ORDER BY number', t),
    format('SELECT a.attname, t.typname, a.attnum::bigint FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = %L::regclass AND a.attnum > 0 ORDER BY a.attnum', t), 'C has the columns of ' || t)
FROM unnest('{task_message,task_result,task_delivery,task_outcome}'::text[]) AS t;
SELECT results_eq(format('SELECT name, place, type, required FROM col WHERE relation = %L ORDER BY place', inhrelid::regclass),
    format('SELECT name, place, type, required FROM col WHERE relation = %L ORDER BY place', inhparent::regclass), inhrelid::regclass || ' has its parent''s columns')
FROM pg_inherits WHERE inhparent IN ('task_message'::regclass, 'task_result'::regclass);
SELECT is_empty($$SELECT m.name, m.type, r.type FROM col AS m JOIN col AS r USING (name) WHERE m.relation = 'task_message' AND r.relation IN ('task_result', 'task_state') AND m.type <> r.type$$,
    'what a result keeps of its message has the same type');
\set page `cat docs/sql.md`
CREATE TEMP VIEW described AS
    SELECT type, m[1] COLLATE "C" AS name, number
    FROM unnest('{task_delivery,task_outcome}'::text[]) AS type,
        substring(:'page', '\n### ' || type || '\n.*?: (.*?\n\n)') AS list,
        regexp_matches(regexp_replace(list, '\([^)]*\)', '', 'g'), '`([a-z_]+)`(?=[,.\s])', 'g') WITH ORDINALITY AS r (m, number)
    WHERE m[1] <> 'task_fetch';
SELECT results_eq(format('SELECT name FROM described WHERE type = %L ORDER BY number', t), format('SELECT name::text FROM col WHERE relation = %L ORDER BY place', t),
    'docs/sql.md has the columns of ' || t) FROM unnest('{task_delivery,task_outcome}'::text[]) AS t;

SELECT * FROM finish();
