--
-- Signatures that are none: each is refused when it becomes one, with the reason; one that is
-- stored and cannot be sent later is the error.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

CREATE FUNCTION refused(document jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM document::task_signature;
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN format('%s: %s', SQLSTATE, SQLERRM);
END $$;
SELECT n, refused(document), left(document::text, 120) AS document FROM (VALUES
	(1, '"t"'::jsonb), (2, '[]'), (3, 'null'), (4, '{}'), (5, '{"task": null}'), (6, '{"task": ""}'), (7, '{"task": "a\tb"}'), (8, '{"task": "t", "task_id": "x"}'),
	(9, '{"task": "t", "args": {}}'), (10, '{"task": "t", "args": null}'), (11, '{"task": "t", "kwargs": []}'), (12, '{"task": "t", "options": 1}'), (13, '{"task": "t", "immutable": 0}'),
	-- kinds
	(20, '{"task": "t", "subtask_type": "chain", "kwargs": {"tasks": []}}'), (21, '{"task": "celery.chain", "subtask_type": "group", "kwargs": {"tasks": []}}'), (22, '{"task": "t", "subtask_type": "loop"}'),
	(23, '{"task": "t", "subtask_type": 1}'), (24, '{"task": "celery.chain"}'), (25, '{"task": "celery.chain", "kwargs": {}}'), (26, '{"task": "celery.chain", "kwargs": {"tasks": {}}}'),
	(27, '{"task": "celery.chain", "kwargs": {"tasks": [], "more": 1}}'), (28, '{"task": "celery.chain", "kwargs": {"tasks": ["t"]}}'), (29, '{"task": "celery.group", "kwargs": {"tasks": [[{"task": "t"}]]}}'),
	(30, '{"task": "celery.group", "kwargs": {"tasks": [{"task": "t"}, {"args": []}]}}'), (31, '{"task": "celery.group", "kwargs": {"tasks": [null]}}'),
	-- chords
	(40, '{"task": "celery.chord", "kwargs": {"header": []}}'), (41, '{"task": "celery.chord", "kwargs": {"header": [], "body": null}}'), (42, '{"task": "celery.chord", "kwargs": {"body": {"task": "t"}}}'),
	(43, '{"task": "celery.chord", "kwargs": {"header": "t", "body": {"task": "t"}}}'), (44, '{"task": "celery.chord", "kwargs": {"header": [1], "body": {"task": "t"}}}'),
	(45, '{"task": "celery.chord", "kwargs": {"header": [], "body": [{"task": "t"}]}}'), (46, '{"task": "celery.chord", "kwargs": {"header": [], "body": {"task": "t"}, "size": 2}}'),
	(47, '{"task": "celery.chord", "kwargs": {"header": [], "body": {"task": "t"}, "kwargs": []}}'),
	-- maps: a group where a task must be
	(50, '{"task": "celery.map", "kwargs": {"task": {"task": "celery.group", "kwargs": {"tasks": []}}, "it": []}}'), (51, '{"task": "celery.map", "kwargs": {"task": 1, "it": []}}'),
	(52, '{"task": "celery.map", "kwargs": {"task": "t", "it": {}}}'), (53, '{"task": "celery.map", "kwargs": {"task": "t"}}'), (54, '{"task": "celery.starmap", "kwargs": {"task": "t", "it": [1]}}'),
	(49, '{"task": "celery.map", "kwargs": {"task": "celery.map", "it": []}}'), (55, '{"task": "celery.map", "kwargs": {"task": "", "it": []}}'), (56, '{"task": "celery.map", "kwargs": {"task": "t", "it": [], "n": 1}}'),
	(57, '{"task": "celery.chunks", "kwargs": {"task": "t", "it": []}}'), (58, '{"task": "celery.chunks", "kwargs": {"task": "t", "it": [], "n": 0}}'), (59, '{"task": "celery.chunks", "kwargs": {"task": "t", "it": [], "n": 1.5}}'),
	(60, '{"task": "celery.chunks", "kwargs": {"task": "t", "it": [], "n": 1e400}}'), (61, '{"task": "celery.chunks", "kwargs": {"task": "t", "it": [], "n": "1"}}'),
	-- callbacks, and deep inside
	(70, '{"task": "t", "options": {"link": 1}}'), (71, '{"task": "t", "options": {"link": [1]}}'), (72, '{"task": "t", "options": {"link": [{"task": "celery.chain"}]}}'),
	(73, '{"task": "celery.group", "kwargs": {"tasks": [{"task": "celery.chain", "kwargs": {"tasks": [{"task": "t", "options": {"link_error": {"task": "e", "options": {"priority": -1}}}}]}}]}}')
) AS v (n, document) ORDER BY n;

-- as deep as the limit, and deeper
CREATE FUNCTION nested(template text, depth int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT (repeat(split_part(template, '#', 1), depth - 1) || '{"task": "t"}' || repeat(split_part(template, '#', 2), depth - 1))::jsonb
$$;
SELECT template, refused(nested(template, 256)), refused(nested(template, 257)), left(refused(nested(template, 1500)), 60) FROM (VALUES
	('{"task": "celery.chain", "kwargs": {"tasks": [#]}}'), ('{"task": "celery.group", "kwargs": {"tasks": [#]}}'),
	('{"task": "celery.chord", "kwargs": {"header": [], "body": #}}'), ('{"task": "celery.chord", "kwargs": {"header": [#], "body": {"task": "t"}}}'),
	('{"task": "t", "options": {"link": [#]}}')) AS v (template);
SELECT celeriac_canvas_prepared(nested('{"task": "celery.chain", "kwargs": {"tasks": [#]}}', 256)::task_signature) ->> 'task';

-- an id twice, wherever
SELECT sent(task_group(task_set(:a, '{"task_id": "00000000-0000-0000-0000-000000000001"}'), task_set(:b, '{"task_id": "00000000-0000-0000-0000-000000000001"}')));
SELECT sent(task_chord(task_set(:a, '{"task_id": "00000000-0000-0000-0000-000000000001"}'), task_set(:b, '{"task_id": "00000000-0000-0000-0000-000000000001"}')));
SELECT sent(task_set(task_group(:a, :b), '{"task_id": "00000000-0000-0000-0000-000000000001"}') | task_set(:c, '{"task_id": "00000000-0000-0000-0000-000000000001"}'));
SELECT sent(task_set(:a, '{"task_id": "00000000-0000-0000-0000-000000000001"}') | :b, NULL, NULL, '{"task_id": "00000000-0000-0000-0000-000000000001"}');
