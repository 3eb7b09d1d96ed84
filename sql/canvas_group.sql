--
-- Groups: which dissolve in others, which give a list within the list; members that are lost or
-- change places are the error.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

SELECT task_group(task_s('add', 1, 1));
SELECT show(task_group()), show(task_group(:a)), show(task_group(:a, :b)), show(task_group(task_group(:a, :b))), show(task_group(task_group(:a), :b));
SELECT show(task_group(task_chain(:a))), show(task_group(:a | :b, :c)), show(task_group(VARIADIC ARRAY[:a, :b, :c]));
-- a group with something behind it
SELECT show(task_group(:a, :b) | :c), show(task_group(:a, :b) | task_group(:c, :d)), show(task_group(:a, :b) | (:c | :d)), show(task_group(:a, :b) | task_group(:c));
SELECT show(task_group(:a, :b) | task_group()), show(task_group(:a, :b) | task_chain()), show(task_group() | :a), show(task_group(:a, :b) | task_chord(:c, :d));
SELECT show(task_chain(task_group(:a, :b), task_group(:c, :d), :e));

-- callbacks: on the first task, which has no result for it; errbacks on each
SELECT show(task_link(task_group(:a, :b), task_s('cb', 1))), show(task_on_error(task_group(:a, :b), :eb));
SELECT show(task_link(task_group(task_group(:a, :b), :c), :cb)), show(task_on_error(task_group(task_group(:a | :b), :c), :eb));
SELECT task_link(task_group(), :cb);
SELECT show(task_on_error(task_group(), :eb));
SELECT show(task_set(task_group(:a, task_group(:b)), '{"immutable": true}'));

-- sent: everything to each member
SELECT sent(task_group(:a, task_si('b'), task_s('c', 2)), '[1]', '{"k": 1}', '{"queue": "q"}');
SELECT sent(task_set(task_group(:a, task_set(:b, '{"queue": "p", "priority": 1}')), '{"queue": "q"}'));
SELECT sent(task_group(:a, :b), NULL, NULL, '{"task_id": "00000000-0000-0000-0000-000000000001"}');
SELECT sent(task_group(:a, :b), NULL, NULL, jsonb_build_object('link', ARRAY[:cb]::text[]::jsonb[], 'link_error', ARRAY[:eb]::text[]::jsonb[]));
-- dissolved, or not
SELECT sent(task_group(:a, task_group(:b, task_group(:c)), :d)), sent(task_group(:a, :b | task_group(:c, :d))), sent(task_group(task_group(), task_group(:a)));
-- the only member's list is the list
SELECT sent(task_group(:a | task_group(:b, :c))), sent(task_group(task_chain(task_group(:a, :b)))), sent(task_group(:a | task_group(:b, :c), :d));
SELECT sent(task_chord(task_group(:a | task_group(:b, :c)), :d)), sent(task_group());
-- 10,000 members keep their order
SELECT array_agg(t ->> 'task' ORDER BY n) = (SELECT array_agg('t' || n ORDER BY n) FROM generate_series(1, 10000) AS n)
FROM jsonb_array_elements(celeriac_canvas_prepared((SELECT task_group(VARIADIC array_agg(task_s('t' || n) ORDER BY n)) FROM generate_series(1, 10000) AS n)) #> '{kwargs,tasks}')
	WITH ORDINALITY AS s (t, n);
SELECT task_group(:a, NULL);
SELECT task_group(VARIADIC NULL);
