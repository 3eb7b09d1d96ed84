--
-- Chords: what comes after a header, and where its arguments, options and callbacks go.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

SELECT task_chord(ARRAY[task_s('add', 1, 1)], task_s('sum'));
-- what may be a header
SELECT show(task_chord(ARRAY[:a, :b], :c)), show(task_chord(task_group(:a, :b), :c)), show(task_chord(:a, :c)), show(task_chord(:a | :b, :c));
SELECT show(task_chord(task_chord(:a, :b), :c)), show(task_chord(task_group(), :c)), show(task_chord('{}'::task_signature[], :c)), show(task_chord(task_group(task_group(:a), :b), :c));
-- and a body
SELECT show(task_chord(:a, :b | :c)), show(task_chord(:a, task_group(:b, :c))), show(task_chord(:a, task_chord(:b, :c)));

-- what follows
SELECT show(task_chord(:a, :b) | :c), show(task_chord(:a, :b) | (:c | :d)), show(task_chord(:a, :b) | task_group(:c)), show(task_chord(:a, :b) | task_group(:c, :d));
SELECT show(task_chord(:a, :b) | task_chord(:c, :d)), show(task_chain(task_chord(:a, :b), task_chord(:c, :d))), show(task_chain(:e, task_chord(:a, :b)) | task_chord(:c, :d));
SELECT show(:e | task_chord(:a, :b) | :c), show(:e | task_chord(:a, :b) | task_group(:c, :d)), show(:e | task_chord(:a, :b) | (:c | :d));
SELECT show(task_group(:a, :b) | :c | task_group(:d, :e) | :a), show(task_chain(:a, task_group(:b, :c), :d, task_group(:a, :b), :e));

-- callbacks: the body's; errbacks: by the setting, also the header's
SELECT show(task_link(task_chord(:a, :b), :cb)), show(task_link(task_chord(:a, :b | :c), :cb)), show(task_link(task_chord(:a, task_group(:b, :c)), :cb));
SELECT show(task_on_error(task_chord(:a, :b), :eb)), show(task_on_error(task_chord(ARRAY[:a, task_chord(:b, :c)], :d), :eb));
SET celeriac.allow_error_cb_on_chord_header = on;
SELECT show(task_on_error(task_chord(:a, :b), :eb)), show(task_on_error(task_chord(ARRAY[:a, task_chord(:b, :c)], :d), :eb));
RESET celeriac.allow_error_cb_on_chord_header;
SELECT show(task_set(task_chord(ARRAY[:a, :b], :c), '{"immutable": true}'));
-- callbacks of a chain that becomes a header are not lost
SELECT show(task_chord(task_on_error(task_link(:a | :b, :cb), :eb), :c));

-- sent: arguments to the header, id and callbacks to the body, options to both
SELECT sent(task_chord(ARRAY[:a, task_si('b')], :c), '[1]', '{"k": 1}', '{"queue": "q"}');
SELECT sent(task_chord(:a, :b), NULL, NULL, '{"task_id": "00000000-0000-0000-0000-000000000001"}'), sent(task_chord(:a, :b | :c), NULL, NULL, '{"task_id": "00000000-0000-0000-0000-000000000001"}');
SELECT sent(task_chord(task_set(task_group(:a, :b), '{"task_id": "00000000-0000-0000-0000-000000000002", "queue": "q"}'), :c));
SELECT sent(task_chord(:a, :b), NULL, NULL, jsonb_build_object('link', ARRAY[:cb]::text[]::jsonb[], 'link_error', ARRAY[:eb]::text[]::jsonb[]));
SELECT sent(task_chord(task_group(), :b)), sent(task_chord(task_group(task_group(:a, :b), :c | task_group(:d, :e)), :b));
SELECT sent(task_on_error(task_chain(:e, task_group(:a, :b), :c), :eb)), sent(task_link(task_chain(:e, task_group(:a, :b), :c), :cb));
SELECT sent(task_chain(task_group(:a, :b), :c), '[1]', NULL, '{"queue": "q"}');
-- Celery's own, as it is serialised once it has been frozen
SELECT sent('{"task": "celery.chord", "args": [], "options": {"task_id": "00000000-0000-0000-0000-000000000003", "reply_to": "x"}, "subtask_type": "chord", "immutable": false, "chord_size": null,
	"kwargs": {"kwargs": {}, "header": {"task": "celery.group", "args": [], "options": {"task_id": "00000000-0000-0000-0000-000000000004", "root_id": null, "parent_id": null}, "subtask_type": "group", "immutable": false,
	"kwargs": {"tasks": [{"task": "add", "args": [1, 2], "kwargs": {}, "options": {"task_id": "00000000-0000-0000-0000-000000000005", "group_id": "g", "group_index": 0, "chord": {}}, "subtask_type": null, "immutable": false}]}},
	"body": {"task": "xsum", "args": [], "kwargs": {}, "options": {"link": {"task": "cb"}}, "subtask_type": null, "immutable": false}}}'::task_signature);
SELECT task_chord(:a, NULL);
SELECT task_chord(NULL::task_signature, :a);
