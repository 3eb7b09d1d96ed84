--
-- Chains: joined to one whichever way they are made; a chain that loses a step, a
-- callback or its order is the error.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

SELECT task_chain(task_s('add', 2, 2), task_s('add', 4));
-- however it is written
SELECT show(:a | :b | :c), show(:a | (:b | :c)), show((:a | :b) | (:c | :d)), show(task_chain(:a, :b, :c));
SELECT show(task_chain(:a)), show(task_chain(task_chain(:a))), show(task_chain()), show(task_chain(VARIADIC ARRAY[:a, :b]));
SELECT show(task_chain() | :a), show(:a | task_chain()), show(task_chain() | task_chain()), show(task_chain(task_chain(), :a, task_chain(), :b));
-- 1,000 steps keep their order
SELECT array_agg(t ->> 'task' ORDER BY n) = (SELECT array_agg('t' || n ORDER BY n) FROM generate_series(1, 1000) AS n)
FROM jsonb_array_elements((SELECT task_chain(VARIADIC array_agg(task_s('t' || n) ORDER BY n)) FROM generate_series(1, 1000) AS n)::jsonb #> '{kwargs,tasks}')
	WITH ORDINALITY AS s (t, n);

-- groups: of one, empty, at the end, in the middle
SELECT show(:a | task_group(:b)), show(task_group(:a) | :b), show(:a | task_group()), show(task_chain() | task_group(:a, :b)), show(task_chain() | task_group(:a));
SELECT show(:a | task_group(:b, :c)), show(:a | task_group(:b, :c) | :d), show(:a | task_group(:b, :c) | :d | :e);
SELECT show(:a | task_group(:b | :c)), show(task_chain(:a, :b) | task_group(:c));
SELECT show(task_chain(:a, task_group(:b, :c)) | task_chain(:d, :e)), show(task_chain(:a, task_group(:b, :c)) | task_group(:d, :e));

-- callbacks of a chain that is joined to another: on its last task, errbacks on each
SELECT show(task_link(:a | :b, :cb)), show(task_link(:a | :b, :cb) | :c), show(:c | task_link(:a | :b, :cb));
SELECT show(task_on_error(:a | :b, :eb)), show(task_on_error(:a | :b, :eb) | :c), show(:c | task_on_error(:a | :b, :eb));
SELECT show(task_set(:a | :b, '{"queue": "q"}')), show(task_set(:a | :b, '{"queue": "q"}') | :c), show(:c | task_set(:a | :b, '{"queue": "q"}'));

-- sent: arguments and options to the first, id and callbacks to the last, errbacks to all
SELECT sent(:a | :b | :c, '[1]', '{"k": 2}');
SELECT sent(task_si('a') | :b, '[1]'), sent(task_s('a', 2) | :b, '[1]'), sent(task_sig('a', '[]', '{"k": 1, "l": 1}') | :b, '[]', '{"k": 2}');
SELECT sent(:a | :b, NULL, NULL, '{"queue": "q", "countdown": 5}');
SELECT sent(:a | :b, NULL, NULL, '{"task_id": "00000000-0000-0000-0000-000000000001"}');
SELECT sent(task_link(task_on_error(task_set(:a | :b, '{"priority": 7}'), :eb), :cb));
SELECT sent(:a | :b, NULL, NULL, jsonb_build_object('link', ARRAY[:cb]::text[]::jsonb[], 'link_error', ARRAY[:eb]::text[]::jsonb[]));
-- one step is the step
SELECT sent(task_chain(:a), '[1]'), sent(task_chain(task_chain(task_chain(:a)))), sent(task_chain(task_group(:a, :b)));
-- chains and groups that only JSON can nest like this
SELECT sent(jsonb_build_object('task', 'celery.chain', 'kwargs', jsonb_build_object('tasks', ARRAY[(:a | :b)::jsonb, task_group()::jsonb, task_group(:c | :d)::jsonb, task_group()::jsonb]))::task_signature);
SELECT sent(jsonb_build_object('task', 'celery.chain', 'kwargs', jsonb_build_object('tasks', ARRAY[task_group(:a, :b)::jsonb, task_group(:c, :d)::jsonb, :e::jsonb, :e::jsonb]))::task_signature);
SELECT sent(jsonb_build_object('task', 'celery.chain', 'kwargs', jsonb_build_object('tasks', ARRAY[task_group()::jsonb, task_group()::jsonb]))::task_signature);
-- nothing to send
SELECT sent(task_chain());
SELECT sent(task_chain(task_chain()));
SELECT sent(task_group(:a, task_chain()));
SELECT sent(task_chord(:a, task_chain()));
SELECT task_chain(:a, NULL);
