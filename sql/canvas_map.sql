--
-- Maps and chunks: one message for many items; an item left out or given twice is the error.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

SELECT task_map('add', '[1, [2], {"x": 3}]');
SELECT task_starmap('add', '[[1, 2], [3, 4]]');
SELECT task_chunks('add', '[[1, 2], [3, 4], [5, 6]]', 2);
-- they get no result of the task before, and join as tasks do
SELECT show(:a | task_map('m', '[1]') | :b), show(task_group(task_map('m', '[1]'), :a) | task_starmap('s', '[[1]]')), show(task_link(task_map('m', '[]'), :cb));

SELECT sent(task_map('m', '[1, 2]')), sent(task_starmap('m', '[[1, 2]]'), '[7]', '{"k": 1}', '{"queue": "q"}');
SELECT sent(task_chunks('m', '[[1], [2], [3], [4], [5]]', 2));
SELECT sent(task_chunks('m', '[[1], [2]]', 2)), sent(task_chunks('m', '[]', 2)), sent(task_chunks('m', '[[1]]', 2147483647));
SELECT sent(task_chunks('m', '[[1], [2]]', 1) | :a), sent(:a | task_chunks('m', '[[1], [2]]', 1)), sent(task_group(task_chunks('m', '[[1], [2]]', 1), :a));
SELECT sent(task_set(task_chunks('m', '[[1], [2]]', 1), '{"queue": "q"}'));
SELECT sent(:a | task_chunks('m', '[[1]]', 1) | :b), sent(task_chunks('m', '[]', 1) | :b);

-- Celery's, which have no subtask_type; the task as a signature or by its name
SELECT sent('{"task": "celery.map", "kwargs": {"task": {"task": "m", "args": [], "kwargs": {}, "options": {}, "subtask_type": null, "immutable": false}, "it": [1]}, "immutable": true, "subtask_type": null}'::task_signature);
SELECT sent('{"task": "celery.chunks", "kwargs": {"task": "m", "it": [[1], [2]], "n": 1}, "subtask_type": "chunks"}'::task_signature);

SELECT task_map('m', '{}');
SELECT task_map('m', '1');
SELECT task_map('', '[]');
SELECT task_map('celery.group', '[]');
SELECT task_map(NULL, '[]');
SELECT task_map('m', NULL);
SELECT task_starmap('m', '[1]');
SELECT task_chunks('m', '[[1], 2]', 1);
SELECT task_chunks('m', '[]', 0);
SELECT task_chunks('m', '[]', NULL);

-- run: one task, whose result is the list of results
CREATE FUNCTION map_add(x int, y int DEFAULT 10) RETURNS int LANGUAGE sql RETURN x + y;
CREATE TABLE map_seen (x int);
CREATE FUNCTION map_see(x int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO canvas.map_seen VALUES (x);
	IF x = 3 THEN
		RAISE 'no three';
	END IF;
END $$;
CREATE FUNCTION map_halve(x int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF public.task_current() IS NULL OR (public.task_current()).retries = 0 THEN
		PERFORM public.task_raise_retry('0 s', 'later');
	END IF;
	RETURN x / 2;
END $$;
SELECT task_register('map_add(int,int)'::regprocedure), task_register('map_see(int)'::regprocedure, max_retries => 0), task_register('map_halve(int)'::regprocedure);
CREATE PROCEDURE map_run(sig task_signature) LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := public.task_send(sig);
	t record;
BEGIN
	COMMIT;
	PERFORM public.task_get(task_id, timeout => '30 s', propagate => false);
	SELECT * INTO t FROM public.task_state WHERE id = task_id;
	RAISE INFO '% % %', t.name, t.state, coalesce(t.result::text, t.exc_type || ': ' || t.exc_message, '-');
END $$;
CALL map_run(task_map('map_add', '[1, 2, 3]'));
CALL map_run(task_starmap('map_add', '[[1], [1, 1], [2, 3]]'));
CALL map_run(task_chunks('map_add', '[[1], [2], [3]]', 2));
CALL map_run(task_map('map_add', '[]'));
CALL map_run(task_map('map_see', '[1, 2]'));
CALL map_run(task_map('map_halve', '[8, 4]'));
CALL map_run(task_map('map_add', '["one"]'));
CALL map_run(task_starmap('map_add', '[[1, 2, 3]]'));
CALL map_run(task_set(task_map('map_unknown', '[1]'), '{"queue": "server"}'));
-- the first error is the end of all, and what the others did is undone
CALL map_run(task_map('map_see', '[5, 3, 6]'));
SELECT * FROM map_seen;
-- by hand
SELECT task_send('celeriac.map', kwargs => '{"task": "map_add", "it": 1}', queue => 'server') AS id \gset
SELECT task_get(:'id', '30 s', propagate => false) ->> 'exc_message' AS exc_message;
SELECT queue, count(*) FROM task_state WHERE name IN ('celeriac.map', 'celeriac.starmap') AND kwargs ->> 'task' LIKE 'map%' GROUP BY queue;
SELECT task_unregister('map_add'), task_unregister('map_see'), task_unregister('map_halve');
