--
-- Calling SQL functions as tasks: which can be, how arguments reach their
-- parameters, what comes back.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
CREATE SCHEMA sqltask;
SET search_path = sqltask, public;
RESET client_min_messages;

-- send, wait, show
CREATE PROCEDURE run(task text, args jsonb DEFAULT '[]', kwargs jsonb DEFAULT '{}', queue text DEFAULT 'server')
LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := task_send(task, args, kwargs, queue);
	t record;
BEGIN
	COMMIT;
	PERFORM task_get(task_id, timeout => '30 s', propagate => false);
	SELECT * INTO t FROM task_state WHERE id = task_id;
	RAISE INFO '% %', t.state, coalesce(t.result::text, t.exc_type || ': ' || t.exc_message, '-');
END $$;

--
-- Positional, keyword, defaults
--
CREATE FUNCTION sub(x int, y int DEFAULT 10, z int DEFAULT 100) RETURNS int
LANGUAGE sql RETURN x - y - z;
SELECT task_register('sub(int,int,int)'::regprocedure);
CALL run('sub', '[1, 2, 3]');
CALL run('sub', '[1, 2]');
CALL run('sub', '[1]');
CALL run('sub', '[1]', '{"z": 0}');
CALL run('sub', '[]', '{"z": 3, "x": 1, "y": 2}');
CALL run('sub', '["7"]');
CALL run('sub', '[null]');

-- what does not fit is refused when it is sent
SELECT task_send('sub', '[1, 2, 3, 4]');
SELECT task_send('sub', '[]');
SELECT task_send('sub', '[1]', '{"x": 2}');
SELECT task_send('sub', '[1]', '{"w": 2}');
SELECT task_send('sub', '[]', '{"z": 2}');

-- what is of a wrong type, when it runs
CALL run('sub', '["seven"]');
CALL run('sub', '[1.5]');
CALL run('sub', '[{"a": 1}]');

CREATE FUNCTION nothing() RETURNS int LANGUAGE sql RETURN 42;
SELECT task_register('nothing()'::regprocedure);
CALL run('nothing');
SELECT task_send('nothing', '[1]');

-- unnamed parameters, names that need quotes
CREATE FUNCTION unnamed(int, int) RETURNS int LANGUAGE sql RETURN $1 * $2;
SELECT task_register('unnamed(int,int)'::regprocedure);
CALL run('unnamed', '[6, 7]');
SELECT task_send('unnamed', '[6]');
CREATE FUNCTION "Odd ""name"""("A b" int, "ü" text) RETURNS text LANGUAGE sql RETURN "ü" || "A b";
SELECT task_register('"Odd ""name"""(int,text)'::regprocedure, 'odd');
CALL run('odd', '[1]', '{"ü": "x"}');

-- overloads: exactly the one that was registered, also where SQL would find none
CREATE FUNCTION over(x int) RETURNS text LANGUAGE sql RETURN 'int';
CREATE FUNCTION over(x bigint) RETURNS text LANGUAGE sql RETURN 'bigint';
CREATE FUNCTION over(x text) RETURNS text LANGUAGE sql RETURN 'text';
CREATE FUNCTION over(x int, y int DEFAULT 0) RETURNS text LANGUAGE sql RETURN 'int, int';
SELECT task_register('over(int)'::regprocedure, 'over_int');
SELECT task_register('over(bigint)'::regprocedure, 'over_bigint');
SELECT task_register('over(text)'::regprocedure, 'over_text');
SELECT task_register('over(int,int)'::regprocedure, 'over_two');
CALL run('over_int', '[1]');
CALL run('over_bigint', '[1]');
CALL run('over_text', '[1]');
CALL run('over_two', '[1]');

-- defaults are those of the function's schema, whatever the path
CREATE FUNCTION seven() RETURNS int LANGUAGE sql RETURN 7;
CREATE FUNCTION by_default(x int DEFAULT seven(), t text DEFAULT 'it''s') RETURNS text LANGUAGE sql RETURN t || x;
SELECT task_register('by_default(int,text)'::regprocedure);
CALL run('by_default');

--
-- VARIADIC
--
CREATE FUNCTION total(label text, VARIADIC n int[]) RETURNS text
LANGUAGE sql AS $$ SELECT label || coalesce(sum(x), 0) FROM unnest(n) AS x $$;
SELECT task_register('total(text,int[])'::regprocedure);
CALL run('total', '["sum ", 1, 2, 3]');
CALL run('total', '["none "]');
CALL run('total', '["list "]', '{"n": [4, 5]}');
SELECT task_send('total', '["both ", 1]', '{"n": [4, 5]}');

CREATE FUNCTION each_of(VARIADIC v jsonb[]) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(v) $$;
SELECT task_register('each_of(jsonb[])'::regprocedure);
CALL run('each_of', '[1, "two", [3, [4]], {"five": 6}, null]');

SELECT task_register('jsonb_build_array("any")'::regprocedure, 'build');
CALL run('build', '[1, "two", [3], null]');

--
-- Types
--
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN present AS int NOT NULL;
CREATE DOMAIN document AS jsonb CHECK (VALUE IS NOT NULL);
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE FUNCTION all_types(b boolean, n numeric, f float8, s text, d date, ts timestamptz, i interval,
	u uuid, m mood, ia int[], ta text[][], p pair, pa pair[], po positive, by bytea, r int4range)
RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('b', b, 'n', n, 'f', f, 's', s, 'd', d, 'ts', ts AT TIME ZONE 'UTC', 'i', i, 'u', u, 'm', m,
		'ia', ia, 'ta', ta, 'p', p, 'pa', pa, 'po', po, 'by', by, 'r', r) $$;
SELECT task_register('all_types'::regproc::regprocedure);
CALL run('all_types', '[true, 12345678901234567890.123, 1.5, "text\n\"quoted\"", "2026-01-31", "2026-01-31T12:00:00+01:00",
	"1 day", "00000000-0000-0000-0000-000000000001", "happy", [1, 2, null], [["a", "b"], ["c", "d"]], {"a": 1, "b": "x"},
	[{"a": 1}, {"b": "y"}], 5, "\\x0102", "[1,5)"]');
CALL run('all_types', '[null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null]');
CALL run('all_types', '["yes", "1", "2", 3, null, null, null, null, null, "{1,2}", null, "(1,x)", null, null, null, null]');

CREATE FUNCTION takes_positive(x positive) RETURNS int LANGUAGE sql RETURN x;
CREATE FUNCTION takes_present(x present) RETURNS int LANGUAGE sql RETURN x;
CREATE FUNCTION takes_document(x document) RETURNS text LANGUAGE sql RETURN jsonb_typeof(x);
SELECT task_register('takes_positive(positive)'::regprocedure), task_register('takes_present(present)'::regprocedure),
	task_register('takes_document(document)'::regprocedure);
CALL run('takes_positive', '[0]');
CALL run('takes_present', '[null]');
CALL run('takes_document', '["text"]');
CALL run('takes_document', '[{"a": 1}]');

-- json and jsonb take any value as it is; JSON null is SQL NULL
CREATE FUNCTION kind(x jsonb) RETURNS text LANGUAGE sql RETURN coalesce(jsonb_typeof(x), 'SQL NULL');
SELECT task_register('kind(jsonb)'::regprocedure);
CALL run('kind', '["text"]');
CALL run('kind', '[1]');
CALL run('kind', '[[1]]');
CALL run('kind', '[null]');
CREATE FUNCTION as_json(x json) RETURNS json LANGUAGE sql RETURN x;
SELECT task_register('as_json(json)'::regprocedure);
CALL run('as_json', '[{"b": 1, "a": [null]}]');
CREATE FUNCTION documents(x jsonb[]) RETURNS int LANGUAGE sql RETURN array_length(x, 1);
SELECT task_register('documents(jsonb[])'::regprocedure);
CALL run('documents', '[[[1, 2], [3], {"a": 1}]]');

-- polymorphic parameters take jsonb; overloads that take just that are others
CREATE FUNCTION same(x anyelement) RETURNS anyelement LANGUAGE sql AS $$ SELECT x $$;
CREATE FUNCTION first_of(x anyarray) RETURNS anyelement LANGUAGE sql AS $$ SELECT x[1] $$;
SELECT task_register('same(anyelement)'::regprocedure), task_register('first_of(anyarray)'::regprocedure);
CALL run('same', '[{"a": [1]}]');
CALL run('first_of', '[["x", [1]]]');
CREATE FUNCTION same(x jsonb) RETURNS text LANGUAGE sql RETURN 'the other one';
CREATE OR REPLACE FUNCTION same(x anyelement) RETURNS anyelement LANGUAGE sql AS $$ SELECT x $$;
CALL run('same', '[1]');

--
-- Results
--
CREATE FUNCTION returns_void() RETURNS void LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION returns_null() RETURNS int LANGUAGE sql RETURN NULL::int;
CREATE FUNCTION returns_pair() RETURNS pair LANGUAGE sql AS $$ SELECT 1, 'x' $$;
CREATE FUNCTION returns_out(OUT a int, OUT b text) LANGUAGE sql AS $$ SELECT 1, 'x' $$;
CREATE FUNCTION returns_one_out(OUT a int) LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION returns_inout(INOUT a int, b int, OUT c int) LANGUAGE sql AS $$ SELECT a + 1, a + b $$;
CREATE FUNCTION returns_set() RETURNS SETOF int LANGUAGE sql AS $$ VALUES (3), (1), (NULL), (2) $$;
CREATE FUNCTION returns_table(n int) RETURNS TABLE (i int, s text) LANGUAGE plpgsql AS $$
	BEGIN RETURN QUERY SELECT x, repeat('*', x) FROM generate_series(1, n) AS x; END $$;
CREATE FUNCTION returns_array() RETURNS text[] LANGUAGE sql AS $$ SELECT ARRAY['a', NULL] $$;
CREATE FUNCTION returns_void_set() RETURNS SETOF void LANGUAGE sql AS $$ SELECT sqltask.returns_void() $$;
CREATE FUNCTION strict_one(x int) RETURNS int STRICT LANGUAGE plpgsql AS $$ BEGIN RETURN x; END $$;
SELECT task_register(p::regprocedure) FROM unnest(ARRAY['returns_void()', 'returns_null()', 'returns_pair()', 'returns_out()',
	'returns_one_out()', 'returns_inout(int,int)', 'returns_set()', 'returns_table(int)', 'returns_array()', 'returns_void_set()',
	'strict_one(int)']) AS p;
CALL run('returns_void');
CALL run('returns_null');
CALL run('returns_pair');
CALL run('returns_out');
CALL run('returns_one_out');
CALL run('returns_inout', '[1, 2]');
CALL run('returns_set');
CALL run('returns_table', '[2]');
CALL run('returns_table', '[0]');
CALL run('returns_array');
CALL run('returns_void_set');
CALL run('strict_one', '[null]');

--
-- What cannot be a task
--
CREATE PROCEDURE a_procedure() LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION a_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION an_event_trigger() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE FUNCTION a_record_set() RETURNS SETOF record LANGUAGE sql AS $$ SELECT 1, 2 $$;
CREATE FUNCTION an_enum(x anyenum) RETURNS text LANGUAGE sql AS $$ SELECT x::text $$;
CREATE FUNCTION pg_temp.a_temporary() RETURNS int LANGUAGE sql RETURN 1;
SELECT task_register('a_procedure()'::regprocedure);
SELECT task_register('pg_catalog.sum(int)'::regprocedure);
SELECT task_register('pg_catalog.row_number()'::regprocedure);
SELECT task_register('a_trigger()'::regprocedure);
SELECT task_register('an_event_trigger()'::regprocedure);
SELECT task_register('a_record_set()'::regprocedure);
SELECT task_register('an_enum(anyenum)'::regprocedure);
SELECT task_register('int4in(cstring)'::regprocedure);
SELECT task_register('gist_point_consistent'::regproc::regprocedure);
SELECT task_register('pg_temp.a_temporary()'::regprocedure);

--
-- Changes are seen by executors at once
--
CREATE OR REPLACE FUNCTION nothing() RETURNS int LANGUAGE sql RETURN 43;
CALL run('nothing');
DROP FUNCTION sub(int, int, int);
CALL run('sub', '[1, 2, 3]');
SELECT task_unregister('nothing');
CALL run('nothing');
CALL run('never.registered');

SET client_min_messages = warning;
DROP SCHEMA sqltask CASCADE;
