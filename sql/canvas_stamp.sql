--
-- Stamps: on every task of a canvas, whatever is done to it later, and what is
-- revoked by them.  A task that lost its stamp cannot be found again.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas


SELECT task_stamp(task_s('add', 1), '{"customer": 42}');
-- every task, callbacks of callbacks too
SELECT show(task_stamp(:a | task_group(:b, task_chord(:c, :d | :e)), '{"x": 1}'));
SELECT show(task_stamp(task_link(task_on_error(:a, task_link(:eb, :c)), :cb), '{"x": 1}')), show(task_stamp(task_link(:a | :b, :cb), '{"x": 1}'));
SELECT sent(task_stamp(task_chunks('m', '[[1], [2]]', 1) | task_map('m', '[1]'), '{"x": 1}'));
SELECT sent(task_stamp(task_on_error(task_link(task_group(:a, :b), :cb), :eb) | :c, '{"x": 1}'));
-- again: the later value counts, lists are joined, or all are with append_stamps
SELECT show(task_stamp(task_stamp(:a, '{"x": 1, "y": [1], "z": {"a": 1}, "o": 1}'), '{"x": 2, "y": [2], "z": {"b": 2}, "n": 1}'));
SELECT show(task_stamp(task_stamp(:a, '{"x": 1, "y": [1], "o": null}'), '{"x": 2, "y": 2}', append_stamps => true)), show(task_stamp(:a, '{}'));
-- what is stamped outside comes later than what is stamped inside
SELECT show(task_stamp(task_stamp(:a, '{"x": "inner", "i": 1}') | :b, '{"x": "outer"}'));
SELECT task_stamp(:a, '[]');
SELECT task_stamp(:a, NULL);
SELECT task_stamp(NULL, '{}');

-- sent: seen on each task, and kept by a retry
CREATE VIEW stamped AS SELECT name, state, retries, options -> 'stamps' AS stamps FROM public.task_state WHERE name LIKE 'stamp.%' ORDER BY name, options -> 'stamps';
SELECT count(task_send(task_stamp(task_set(task_s('stamp.1'), '{"queue": "stamp"}') | task_link(task_group(task_s('stamp.2'), task_s('stamp.3')), task_s('stamp.4')), '{"x": 1}')));
SELECT * FROM stamped;
SELECT name FROM task_fetch('w', '{stamp}');
SELECT task_retry(id, '0 s', 'again') FROM public.task_state WHERE name = 'stamp.1';
SELECT * FROM stamped WHERE name = 'stamp.1';

-- revoked by them: one value under one key is enough, a list is any of its values
SELECT count(task_send(task_set(task_stamp(task_s('stamp.revoke'), stamps), '{"queue": "stamp"}')))
FROM unnest('{"{\"x\": 1}","{\"x\": [1, 2]}","{\"x\": 3, \"y\": 1}","{\"x\": \"1\"}","{\"z\": {\"k\": 1}}"}'::jsonb[]) AS stamps;
CREATE FUNCTION revoke_stamped(headers jsonb) RETURNS TABLE (stamps jsonb) LANGUAGE plpgsql AS $$
DECLARE
	ids uuid[] := ARRAY(SELECT public.task_revoke_stamped(headers));
BEGIN
	RETURN QUERY SELECT options -> 'stamps' FROM public.task_state WHERE id = ANY (ids) AND name = 'stamp.revoke' AND state = 'REVOKED' ORDER BY 1;
END $$;
SELECT revoke_stamped('{"x": 9, "y": 9, "none": 1}');
SELECT revoke_stamped('{"x": 2}');
SELECT revoke_stamped('{"x": [1, 7], "y": [1]}');
SELECT revoke_stamped('{"z": {"k": 1}}');
-- they have ended; the canvas went with its first task
SELECT revoke_stamped('{"x": [1, 2, 3], "z": {"k": 1}}');
SELECT name, state FROM stamped;
SELECT task_revoke_stamped('[]');
SELECT task_revoke_stamped(NULL);

-- one's own only
CREATE ROLE regress_stamp_alice;
CREATE ROLE regress_stamp_bob;
GRANT celeriac_sender TO regress_stamp_alice, regress_stamp_bob;
GRANT USAGE ON SCHEMA canvas TO regress_stamp_bob;
SET ROLE regress_stamp_alice;
SELECT count(task_send(task_set(task_stamp(task_s('stamp.own'), '{"own": 1}'), '{"queue": "stamp"}')));
SET ROLE regress_stamp_bob;
SELECT count(*) FROM task_revoke_stamped('{"own": 1}');
SET ROLE regress_stamp_alice;
SELECT count(*) FROM task_revoke_stamped('{"own": 1}');
RESET ROLE;
DROP VIEW stamped;
REVOKE ALL ON SCHEMA canvas FROM regress_stamp_bob;
DROP ROLE regress_stamp_alice, regress_stamp_bob;
