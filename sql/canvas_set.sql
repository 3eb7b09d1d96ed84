--
-- Options, links and errbacks of signatures: what wins, what is kept, what is refused.
--
\getenv srcdir PG_ABS_SRCDIR
\set canvas :srcdir /test/regress/canvas.sql
\i :canvas

SELECT show(task_set(:a, '{"queue": "q", "priority": 3}')), show(task_set(task_set(:a, '{"queue": "q", "priority": 3}'), '{"queue": "p"}'));
SELECT show(task_set(task_set(:a, '{"queue": "q", "priority": 3}'), '{"queue": null}')), show(task_set(:a, '{"queue": null}')), show(task_set(:a, '{}'));
SELECT show(task_set(:a, '{"immutable": true}')), show(task_set(task_si('a'), '{"immutable": false}'));
SELECT show(task_set(:a, '{"eta": "2030-01-01T00:00:00Z", "expires": 60, "countdown": 1.5, "max_retries": 0, "soft_time_limit": 0.5, "time_limit": 1, "ignore_result": true, "headers": {"x": 1}, "shadow": "s", "serializer": "json"}'));

-- linked once, in order; one signature is a list of one
SELECT show(task_link(task_link(:a, :cb), :cb)), show(task_link(task_link(:a, :cb), :c)), show(task_link(:a, task_link(:b, :cb))), show(task_on_error(:a, :b | :c));
SELECT sent('{"task": "a", "options": {"link": {"task": "cb"}, "link_error": null}}'::task_signature);
-- what is given when it is sent wins, but for nulls
SELECT sent(task_set(task_link(:a, :cb), '{"queue": "q"}'), NULL, NULL, jsonb_build_object('link', ARRAY[:c]::text[]::jsonb[], 'queue', NULL));
-- what Celery and the server note for themselves does not travel
SELECT sent('{"task": "a", "options": {"group_id": "g", "reply_to": "r", "revoked": true, "queue": "q"}}'::task_signature);
-- Celery's form of stamps; stamps stay what they are
SELECT sent('{"task": "a", "options": {"stamped_headers": ["x", "missing"], "x": [1], "queue": "q"}}'::task_signature);
SELECT sent(task_set('{"task": "a", "options": {"stamps": {"x": 1}}}'::task_signature, '{"stamps": {"x": 2, "y": 3}}'), NULL, NULL, '{"stamps": {"x": 4, "z": 5}}');
SELECT sent(task_set('{"task": "a", "options": {"stamps": {"x": 1}}}'::task_signature, '{"stamps": null}'));

SELECT task_set(:a, '[]');
SELECT task_set(:a, NULL);
SELECT task_set(NULL, '{}');
SELECT task_set(:a, '{"queue": 1}');
SELECT task_set(:a, '{"queue": ""}');
SELECT task_set(:a, '{"priority": 256}');
SELECT task_set(:a, '{"priority": "high"}');
SELECT task_set(:a, '{"countdown": -1}');
SELECT task_set(:a, '{"countdown": "NaN"}');
SELECT task_set(:a, '{"eta": "when it suits"}');
SELECT task_set(:a, '{"eta": "infinity"}');
SELECT task_set(:a, '{"expires": []}');
SELECT task_set(:a, '{"max_retries": -1}');
SELECT task_set(:a, '{"soft_time_limit": 0}');
SELECT task_set(:a, '{"time_limit": 1e300}');
SELECT task_set(:a, '{"ignore_result": "yes"}');
SELECT task_set(:a, '{"headers": []}');
SELECT task_set(:a, '{"shadow": {}}');
SELECT task_set(:a, '{"task_id": "1"}');
SELECT task_set(:a, '{"stamps": []}');
SELECT task_set(:a, '{"stamped_headers": [1]}');
SELECT task_set(:a, '{"link": "cb"}');
SELECT task_set(:a, '{"link": ["cb"]}');
SELECT task_set(:a, '{"link": {"task": "cb", "options": {"link_error": [{"task": "eb", "args": 1}]}}}');
SELECT task_link(:a, NULL);
SELECT task_on_error(NULL, :a);
