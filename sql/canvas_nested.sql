--
-- Canvases in canvases: what each rule does to the others; a task, callback or
-- option that gets lost on the way down is the error.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

-- what Celery's own integration tests build, and what would be sent
SELECT sent(task_group(:a, :b) | :c | :d | task_group(:a, :b)), sent(:a | task_group(:b | :c, :d)), sent(task_chain(:a, task_group(task_chain(:b, :c), :d), :e));
SELECT sent(task_chain(task_group(:a, :b), task_group(:c, :d), task_group(:e, :a), :b));
SELECT sent(task_chord(task_group(task_chain(:a, task_group(:b, :c)), :d), :e) | task_group(:a, :b) | :c);
SELECT sent(task_group(task_group(:a, :b) | :c, task_chord(:d, :e), task_group(task_group(:a)) | :b));
SELECT sent(task_chain(:a, task_chord(task_group(:b, task_chord(task_group(:c, :d), :e)), :a | :b), :c));
SELECT sent(task_group(:a, :b) | (task_group(:c, :d) | :e)), sent((:a | task_group(:b, :c)) | (task_group(:d, :e) | :a));
SELECT sent(task_chord(task_chord(task_chord(:a, :b), :c), :d)), sent(task_chord(:a, task_chord(:b, task_chord(:c, :d)))), sent(task_group(task_group(task_group(task_group(:a, :b)))));
SELECT sent(task_chain(task_chain(task_chain(task_chord(task_chain(:a, :b), task_chain(:c))), task_group(task_chain(:d)))), '[1]');
SELECT sent(task_chain(task_group(), :a, task_group(), task_group(:b), task_group(), :c)), sent(task_chord(task_group(task_group(), task_group(:a)), :b)), sent(task_chain(task_group(), task_group(:a, :b), task_group()));
-- errbacks and links reach every level once
SELECT sent(task_on_error(task_chain(:a, task_group(:b, task_chord(:c, :d)), :e), :eb));
SELECT sent(task_on_error(task_group(task_chain(:a, task_group(:b, :c)), task_chord(:d, task_group(:e))), :eb));
SELECT sent(task_link(task_chain(:a, task_chord(:b, task_chain(:c, task_group(:d, :e)))), :cb));
SELECT sent(task_group(task_on_error(:a | :b, :eb) | :c, task_link(task_link(:a | :b, :cb) | :c, :cb)));
SET celeriac.allow_error_cb_on_chord_header = on;
SELECT sent(task_on_error(task_chain(:a, task_group(:b, :c), :d, task_group(:e, :a), :b), :eb));
RESET celeriac.allow_error_cb_on_chord_header;
-- options and arguments do as well
SELECT sent(task_set(task_chain(task_set(task_group(:a, task_set(:b, '{"priority": 1}')), '{"queue": "g"}'), :c), '{"shadow": "s"}'), '[1]', '{"k": 1}', '{"countdown": 9}');
SELECT sent(task_group(task_set(task_chain(:a, :b), '{"queue": "chain"}'), task_set(task_chord(:c, :d), '{"queue": "chord"}'), task_set(task_group(:e), '{"queue": "group"}')), NULL, NULL, '{"priority": 2}');

-- random ones: whatever is composed is read back as it was written, keeps all
-- its tasks in order of their numbers, and is sent as it is once it is prepared
CREATE FUNCTION random_canvas(depth int, counter text) RETURNS task_signature LANGUAGE plpgsql AS $$
DECLARE
	kind int := CASE WHEN depth = 0 THEN 0 ELSE floor(random() * 7) END;
	members task_signature[] := '{}';
BEGIN
	IF kind = 0 THEN
		RETURN task_s('t' || nextval(counter));
	END IF;
	FOR i IN 1 .. CASE WHEN kind IN (3, 4, 5, 6) THEN 2 ELSE 2 + floor(random() * 3) END LOOP
		members := members || random_canvas(depth - 1, counter);
	END LOOP;
	RETURN CASE kind
		WHEN 1 THEN task_chain(VARIADIC members)
		WHEN 2 THEN task_group(VARIADIC members)
		WHEN 3 THEN task_chord(task_group(members[1]), members[2])
		WHEN 4 THEN task_on_error(members[1], task_s('eb')) | members[2]
		ELSE members[1] | members[2] END;
END $$;
-- every task in it, in the order in which they would start
CREATE FUNCTION leaves(s jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	IF s #> '{kwargs,header}' IS NOT NULL THEN
		RETURN QUERY SELECT leaves(e) FROM jsonb_array_elements(CASE jsonb_typeof(s #> '{kwargs,header}') WHEN 'array' THEN s #> '{kwargs,header}' ELSE s #> '{kwargs,header,kwargs,tasks}' END) AS e;
		RETURN QUERY SELECT leaves(s #> '{kwargs,body}');
	ELSIF s #> '{kwargs,tasks}' IS NOT NULL THEN
		RETURN QUERY SELECT leaves(e) FROM jsonb_array_elements(s #> '{kwargs,tasks}') AS e;
	ELSE
		RETURN NEXT s ->> 'task';
	END IF;
END $$;
CREATE TEMP SEQUENCE counter;
SELECT setseed(0.5);
CREATE TEMP TABLE canvas AS SELECT n, random_canvas(1 + n % 5, 'counter') AS s, nextval('counter') AS last FROM generate_series(1, 500) AS n;
ALTER TABLE canvas ADD flat jsonb, ADD first bigint;
UPDATE canvas SET flat = celeriac_canvas_prepared(s);
UPDATE canvas AS c SET first = coalesce((SELECT last FROM canvas AS before WHERE before.n = c.n - 1), 0) + 1;
SELECT count(*), max(length(show(s))) > 200 AS large, count(*) FILTER (WHERE show(s) LIKE '%chord%') > 200 AS with_chords FROM canvas;
SELECT show(s) AS read_back_otherwise FROM canvas WHERE s::jsonb <> s::text::task_signature::jsonb OR s::jsonb <> task_set(s, '{}')::jsonb;
SELECT show(s) AS loses_tasks FROM canvas WHERE ARRAY(SELECT leaves(flat)) <> ARRAY(SELECT 't' || i FROM generate_series(first, last - 1) AS i);
SELECT show(s) AS sent_otherwise FROM canvas WHERE celeriac_canvas_prepared(flat::task_signature) <> flat;
