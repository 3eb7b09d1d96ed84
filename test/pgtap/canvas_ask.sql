-- canvas_ask.sql
--      Guards against canvases that cannot be watched, stopped or cleaned up
--      as one task can.

SELECT no_plan();
\ir include/canvas.psql

-- map, starmap, chunks.
SELECT try('map', task_map('tsum', '[[1, 2], [3], []]'), '[3, 3, 0]') \g /dev/null
SELECT try('starmap', task_starmap('add', '[[1, 2], [3, 4], [5, 6, 7]]'), '[3, 7, 18]') \g /dev/null
SELECT try('map of nothing', task_map('tsum', '[]'), '[]') \g /dev/null
SELECT try('starmap of nothing', task_starmap('add', '[]'), '[]') \g /dev/null
SELECT try('chunks', task_chunks('add', (SELECT jsonb_agg(jsonb_build_array(i, i)) FROM generate_series(0, 9) AS i), 4), '[[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]') \g /dev/null
SELECT try('map in a chain takes nothing of the step before', task_si('identity', 1) | task_map('tsum', '[[1]]') | task_s('tsum'), '1') \g /dev/null
SELECT try('chunks before a task', task_chunks('add', '[[1, 1], [2, 2], [3, 3]]', 2) | task_s('xsum'), '12') \g /dev/null
SELECT try('maps in a group', task_group(task_map('tsum', '[[1]]'), task_starmap('add', '[[1, 1]]')), '[[1], [2]]') \g /dev/null
SELECT try('an item fails', task_starmap('mul', '[[1, 1], ["x", 1]]'), fails => '22P02%') \g /dev/null
SELECT compare();
SELECT is(count(*), 1::bigint, 'a map is one task') FROM task_state WHERE root_id = tried('map');

-- Shown from the start.
CREATE FUNCTION held() RETURNS uuid LANGUAGE sql AS $$
    SELECT task_send(task_si('identity', 1) | task_group(task_s('add', 1), task_s('add', 2) | task_s('add', 3)) | task_s('tsum') | task_s('add', 4), countdown => '1 hour')
$$;
SELECT held() AS id \gset
SELECT is(array_agg(DISTINCT state), '{PENDING}', 'all tasks are PENDING') FROM canvas_of(:'id');
SELECT is(count(*), 7::bigint, 'six tasks and a group') FROM canvas_of(:'id');
SELECT is(count(*), 6::bigint, 'all but the first wait') FROM task_message WHERE id IN (SELECT id FROM canvas_of(:'id')) AND waiting > 0 AND ready IS NULL;
SELECT ok(NOT task_ready(:'id'), 'not ready');
SELECT is(count(*), 7::bigint, 'seven nodes of task_graph') FROM (SELECT DISTINCT node FROM task_graph(:'id')) AS g;
SELECT matches(task_dot(:'id'), '^digraph.*->.*}', 'task_dot');
SELECT is_empty('SELECT * FROM canvas_drift', 'waiting is the number of unended sources');

-- Revoked by its root, by its end, by a node in the middle.
SELECT ok(task_revoke(root_id), 'revoking the root') FROM task_state WHERE id = :'id';
SELECT is(array_agg(DISTINCT state), '{REVOKED}', 'revokes all') FROM canvas_of(:'id');
SELECT throws_ok(format('SELECT task_get(%L, timeout => %L)', :'id', '1 s'), 'TC008', NULL, 'and nobody waits');

SELECT held() AS id \gset
SELECT ok(task_revoke((SELECT id FROM canvas_of(:'id') WHERE name = 'add' AND args = '[2]')), 'revoking a node');
SELECT is(string_agg(name || args || ' ' || state, ', ' ORDER BY id), NULL, 'revokes what depends on it')
FROM canvas_of(:'id') WHERE name <> 'celeriac.group' AND (state = 'REVOKED') <> (name = 'tsum' OR name = 'add' AND args <> '[1]');
SELECT ok(task_revoke(root_id), 'the rest') FROM task_state WHERE id = :'id';

SELECT task_send(task_group(task_si('identity', 1), task_si('identity', 2) | task_s('add', 1)), countdown => '1 hour') AS id \gset
SELECT ok(task_revoke(:'id'), 'revoking a group');
SELECT is(array_agg(DISTINCT state), '{REVOKED}', 'revokes its members and theirs') FROM canvas_of(:'id');
SELECT ok(NOT task_revoke(:'id'), 'once');

-- A member revoked: the others run, the group fails as its member did.
SELECT task_send(task_group(task_set(task_si('identity', 1), '{"countdown": 3600}'), task_si('identity', 2))) AS id \gset
SELECT task_revoke(id) FROM canvas_of(:'id') WHERE args = '[1]' \g /dev/null
SELECT throws_ok(format('SELECT task_get(%L, timeout => %L)', :'id', '60 s'), NULL, NULL, 'a group with a revoked member has no result');
SELECT is((SELECT state FROM canvas_of(:'id') WHERE args = '[2]'), 'SUCCESS', 'the other ran');

-- Running: what depends on it goes with it, what it depends on goes on.
CREATE FUNCTION wait_for(id uuid, wanted text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 600 LOOP
        EXIT WHEN (SELECT s.state FROM task_state AS s WHERE s.id = wait_for.id) = wanted;
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN (SELECT s.state FROM task_state AS s WHERE s.id = wait_for.id);
END $$;
SELECT task_send(task_group(task_si('nap'), task_si('identity', 1)) | task_s('identity') | task_s('identity')) AS id \gset
SELECT id AS nap FROM canvas_of(:'id') WHERE name = 'nap' \gset
SELECT is(wait_for(:'nap', 'STARTED'), 'STARTED', 'a member runs');
SELECT ok(task_revoke(:'nap', terminate => true), 'and is terminated');
SELECT is(wait_for(:'id', 'REVOKED'), 'REVOKED', 'what follows the body goes with it');
SELECT throws_ok(format('SELECT task_get(%L, timeout => %L)', :'id', '60 s'), 'TC008', NULL, 'which task_get says');
SELECT task_send(task_group(task_si('nap'), task_si('identity', 1)) | task_s('identity')) AS id \gset
SELECT id AS nap FROM canvas_of(:'id') WHERE name = 'nap' \gset
SELECT is(wait_for(:'nap', 'STARTED'), 'STARTED', 'a member runs');
SELECT ok(task_revoke(:'id'), 'revoking the body');
SELECT is((SELECT state FROM task_state WHERE id = :'nap'), 'STARTED', 'leaves the header alone');
SELECT ok(task_revoke(:'nap', terminate => true), 'until it is terminated too');
SELECT settle() \g /dev/null

-- Purged, expired.
SELECT task_send(task_set(task_si('identity', 1), '{"queue": "purged"}') | task_s('add', 1) | task_s('add', 2)) AS id \gset
SELECT is(task_purge('purged'), 1::bigint, 'purge');
SELECT is((SELECT count(*) FROM task_message), 0::bigint, 'what waited for the purged does not wait on');
SELECT ok(task_ready(:'id') AND NOT task_successful(:'id'), 'it has ended');
SELECT task_send(task_set(task_si('identity', 1), '{"queue": "nobody"}') | task_s('add', 1), expires => clock_timestamp() + '1 s') AS id \gset
SELECT throws_ok(format('SELECT task_get(%L, timeout => %L)', :'id', '60 s'), NULL, NULL, 'a chain whose first step expired has no result');
SELECT is((SELECT count(*) FROM task_message), 0::bigint, 'and nothing waits for it');

-- Children.
SELECT task_send(task_s('build_chain_inside_task')) AS id \gset
SELECT is(task_get((task_get(:'id', timeout => '60 s') #>> '{}')::uuid, timeout => '60 s'), '[7, 8, 5]', 'a canvas sent by a task');
SELECT cmp_ok(count(*), '>=', 1::bigint, 'which is among its children') FROM task_children(:'id');
SELECT is(array_agg(DISTINCT root_id), ARRAY[:'id'::uuid], 'and in its family') FROM task_state WHERE root_id = :'id' OR parent_id = :'id';

-- Results of members are kept while their group is not done.
SELECT task_send(task_group(task_si('identity', 1), task_set(task_si('identity', 2), '{"queue": "later"}'))) AS id \gset
SELECT task_get(id, timeout => '60 s') FROM canvas_of(:'id') WHERE args = '[1]' \g /dev/null
SELECT task_forget(id) FROM canvas_of(:'id') WHERE args = '[1]' \g /dev/null
SELECT task_succeed(id, '2') FROM task_fetch('me', '{later}', wait => '10 s') \g /dev/null
SELECT is(task_get(:'id', timeout => '60 s'), '[1, 2]', 'a member forgotten too early is in the result');

-- Two groups, one timeout.
SELECT task_send(task_group(task_set(task_si('identity', 1), '{"queue": "never"}'), task_si('identity', 2))) AS id \gset
SELECT throws_ok(format('SELECT task_get(%L, timeout => %L)', :'id', '0.3 s'), 'TC006', NULL, 'a timeout of a group');
SELECT ok(task_revoke(:'id'), 'which goes on until it is revoked');

SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
SELECT * FROM finish();
