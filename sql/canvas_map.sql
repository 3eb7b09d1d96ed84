--
-- Maps and chunks: one message for many items; an item left out or given twice is the error.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;
\getenv srcdir PG_ABS_SRCDIR
\set helpers :srcdir /test/regress/canvas.sql
\set ECHO none
\i :helpers
\set ECHO all

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
SELECT task_map(NULL, '[]');
SELECT task_map('m', NULL);
SELECT task_starmap('m', '[1]');
SELECT task_chunks('m', '[[1], 2]', 1);
SELECT task_chunks('m', '[]', 0);
SELECT task_chunks('m', '[]', NULL);
