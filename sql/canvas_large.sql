-- What a canvas would have to carry is too much for one value: whoever ends the
-- task that completes it must not fail for that, now and whenever he tries.
SELECT task_send(task_group(VARIADIC ARRAY(SELECT task_si('large.member', i) FROM generate_series(1, 3) AS i)) | task_si('large.body'), queue => 'large') AS body \gset
SELECT count(task_succeed(id, to_jsonb(repeat('x', 90000000)))) FROM task_fetch('large', '{large}', 10, lease => NULL);
SELECT name, state, exc_type, exc_message FROM task_result WHERE name = 'celeriac.group';
SELECT state, task_result.exc_type FROM task_result WHERE id = :'body';

-- the arguments of the next, which get the result before them
SELECT task_send(task_s('large.first') | task_s('large.next', repeat('y', 180000000)), queue => 'large') AS next \gset
SELECT task_succeed(id, to_jsonb(repeat('x', 90000000))) FROM task_fetch('large', '{large}', 10, lease => NULL);
SELECT state FROM task_result WHERE name = 'large.first';
SELECT state, task_result.exc_type FROM task_result WHERE id = :'next';

-- a time that does not exist is far away
SELECT FROM task_send(task_s('large.now') | task_set(task_s('large.later'), '{"countdown": 1e300}'), queue => 'large');
SELECT task_succeed(id) FROM task_fetch('large', '{large}', 10, lease => NULL);
SELECT name, eta > now() + '90 years' AS far_away FROM task_message WHERE name = 'large.later';

DELETE FROM task_message WHERE name LIKE 'large%';
DELETE FROM task_result WHERE name LIKE 'large%' OR name = 'celeriac.group';
DELETE FROM task_queue WHERE name = 'large';
