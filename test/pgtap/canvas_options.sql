-- canvas_options.sql
--      Guards against tasks of a canvas that are treated worse than a task sent
--      alone: options, limits, losses, rights, clients of every kind, size.

SELECT no_plan();
\ir include/canvas.psql

CREATE FUNCTION my(what text, VARIADIC x jsonb[] DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE what WHEN 'user' THEN to_jsonb(current_user) ELSE to_jsonb(task_current()) #> what::text[] END
$$;
CREATE FUNCTION always_retry(VARIADIC x jsonb[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$ SELECT task_raise_retry('0 s', 'again') $$;
SELECT task_register(f::regprocedure) FROM unnest('{my,always_retry}'::regproc[]) AS f \g /dev/null

-- Options of a later step are its own.
SELECT try('a queue', task_si('identity', 1) | task_set(task_si('my', '{queue}'), '{"queue": "server"}'), '"server"') \g /dev/null
SELECT try('headers', task_si('identity', 1) | task_set(task_si('my', '{options,headers,a}'), '{"headers": {"a": 1}}'), '1') \g /dev/null
SELECT try('a time limit', task_si('identity', 1) | task_set(task_si('nap'), '{"time_limit": 0.2}') | task_si('identity', 2), fails => '%TimeLimitExceeded%') \g /dev/null
SELECT try('a time limit in a header', task_group(task_si('identity', 1), task_set(task_si('nap'), '{"time_limit": 0.2}')) | task_si('identity', 2),
    fails => 'ChordError%TimeLimitExceeded%') \g /dev/null
SELECT try('retries that are used up', task_set(task_si('always_retry'), '{"max_retries": 2}') | task_si('identity', 2), fails => '%UpstreamError%again%') \g /dev/null
SELECT try('a countdown', task_si('identity', 1) | task_set(task_s('identity'), '{"countdown": 1}') | task_s('identity'), '1') \g /dev/null
SELECT try('a group that begins later', task_si('identity', 1) | task_group(task_set(task_s('identity'), '{"countdown": 0.5}'), task_s('identity')) | task_s('identity'), '[1, 1]') \g /dev/null
SELECT try('arguments that do not fit', task_si('identity', 1) | task_si('identity', 1, 2) | task_si('identity', 3), fails => '%') \g /dev/null
SELECT try('a task that nobody has', task_si('identity', 1) | task_set(task_si('no_such_task'), '{"queue": "server"}') | task_si('identity', 3), fails => '%NotRegistered%') \g /dev/null
SELECT compare();
SELECT is(array_agg(state ORDER BY retries DESC), '{FAILURE,FAILURE}', 'retries as for a single task') FROM canvas_of(tried('retries that are used up')) HAVING max(retries) = 2;
SELECT cmp_ok(b.started_at - a.done_at, '>=', interval '0.99 s', 'a countdown begins when the task before is done')
FROM canvas_of(tried('a countdown')) AS a JOIN task_state AS b ON b.parent_id = a.id WHERE a.parent_id IS NULL;

-- Any client: several members, and a step with what it follows, in one call.
CREATE FUNCTION outcome_of(d task_delivery, state text, result jsonb) RETURNS task_outcome LANGUAGE sql AS $$
    SELECT ROW(d.id, d.delivery, state, result, CASE WHEN state = 'FAILURE' THEN 'ValueError' END, CASE WHEN state = 'FAILURE' THEN 'no' END, NULL, NULL, NULL)::task_outcome
$$;
CREATE FUNCTION finish_all(state text DEFAULT 'SUCCESS') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    outcomes task_outcome[];
BEGIN
    SELECT array_agg(outcome_of(d, state, d.args -> 0) ORDER BY d.id DESC) INTO outcomes FROM task_fetch('me', '{mine}', max => 100) AS d;
    RETURN (SELECT count(*) FROM task_finish('me', coalesce(outcomes, '{}')));
END $$;
CREATE FUNCTION mine(VARIADIC args jsonb[]) RETURNS task_signature LANGUAGE sql AS $$ SELECT task_sig('mine', to_jsonb(args), options => '{"queue": "mine"}') $$;
SELECT task_queue_create('mine') \g /dev/null
SELECT task_send(task_group(mine('1'), mine('2'), mine('3') | mine('4')) | mine('5')) AS id \gset
SELECT is(finish_all(), 3::bigint, 'three members at once');
SELECT is(finish_all(), 1::bigint, 'the step behind one');
SELECT is(args, '[[1, 2, 3], 5]', 'the body gets the list in order') FROM task_state WHERE id = :'id';
SELECT is(finish_all(), 1::bigint, 'the body');
SELECT is(task_get(:'id'), '[1, 2, 3]', 'and its result');
SELECT task_send(task_group(mine('1'), mine('2')) | mine('5')) AS id \gset
SELECT is(finish_all('FAILURE'), 2::bigint, 'two members that fail at once');
SELECT is(exc_type, 'ChordError', 'fail the body once') FROM task_state WHERE id = :'id';
SELECT is(finish_all(), 0::bigint, 'and nothing is left to run');

-- Many canvases in one call, some of them of one root.
SELECT task_send(task_group(VARIADIC ARRAY(SELECT task_group(mine(to_jsonb(i)), mine(to_jsonb(i + 1))) | mine('0') FROM generate_series(1, 40) AS i))) AS id \gset
SELECT is(finish_all(), 80::bigint, 'eighty members of forty chords');
SELECT is(finish_all(), 40::bigint, 'forty bodies');
SELECT is(task_get(:'id'), (SELECT jsonb_agg(jsonb_build_array(i, i + 1)) FROM generate_series(1, 40) AS i), 'one list');

-- A worker that is lost as often as may be.
SELECT task_define('mine', max_deliveries => 1) \g /dev/null
SELECT task_send(task_group(mine('1'), mine('2')) | mine('5')) AS id \gset
SELECT task_finish('me', ARRAY(SELECT outcome_of(d, CASE d.args WHEN '[1]' THEN 'LOST' ELSE 'SUCCESS' END, '1') FROM task_fetch('me', '{mine}', max => 2) AS d)) \g /dev/null
SELECT matches(exc_message, 'WorkerLostError', 'a lost worker fails the chord') FROM task_state WHERE id = :'id';

-- Run again: alone, what failed because of it stays as it is.
SELECT task_send(task_si('fail') | task_si('identity', 2)) AS id \gset
SELECT task_get(:'id', timeout => '60 s', propagate => false) \g /dev/null
SELECT ok(task_requeue(root_id), 'a failed step is run again') FROM task_state WHERE id = :'id';
SELECT settle() \g /dev/null
SELECT is(string_agg(state, ' '), 'FAILURE FAILURE', 'alone') FROM canvas_of(:'id');

-- Rights: all of a canvas runs as who sent it, and nobody else sees it.
CREATE ROLE canvas_sender;
CREATE ROLE canvas_other;
GRANT celeriac_sender TO canvas_sender, canvas_other;
GRANT USAGE ON SCHEMA public TO canvas_sender, canvas_other;
GRANT ALL ON ALL TABLES IN SCHEMA public TO canvas_sender;
SET ROLE canvas_sender;
SELECT task_send(task_group(task_si('my', 'user'), task_si('add_replaced', 1, 1) | task_si('my', 'user')) | task_link(task_s('identity'), task_si('my', 'user'))) AS id \gset
SELECT is(task_get(:'id', timeout => '60 s'), '["canvas_sender", "canvas_sender"]', 'tasks run as their sender');
SELECT cmp_ok(count(*), '>', 3::bigint, 'who sees the graph') FROM task_graph(:'id');
SET ROLE canvas_other;
SELECT is_empty(format('SELECT * FROM task_graph(%L)', :'id'), 'another does not');
SELECT is_empty(format('SELECT * FROM task_children(%L)', :'id'), 'nor its children');
SELECT throws_ok('SELECT * FROM task_edge', '42501', NULL, 'nor the edges');
SELECT throws_ok(format('SELECT task_revoke(%L)', :'id'), 'TC001', NULL, 'and cannot revoke it');
RESET ROLE;
SELECT settle() \g /dev/null
SELECT is(string_agg(DISTINCT result::text, ' '), '"canvas_sender"', 'so do links') FROM task_state WHERE parent_id = :'id';

-- Size.
SELECT try('a group of 20,000', task_group(VARIADIC array_fill(task_si('identity', 1), '{20000}')) | task_s('tsum'), '20000') \g /dev/null
SELECT try('a chain of 1,000', task_chain(VARIADIC ARRAY[task_s('add', 0, 1)] || array_fill(task_s('add', 1), '{999}')), '1000') \g /dev/null
SELECT try('a hundred levels', (WITH RECURSIVE nested (n, sig) AS (
        SELECT 0, task_s('identity', 1)
        UNION ALL SELECT n + 1, task_group(sig, task_s('identity', n)) | task_s('tsum') FROM nested WHERE n < 100)
    SELECT sig FROM nested WHERE n = 100), '4951') \g /dev/null
SELECT compare();

SELECT settle() \g /dev/null
SELECT is_empty('SELECT * FROM canvas_drift', 'nothing waits for what has ended');
SELECT is_empty('TABLE task_message', 'nothing is left');
DROP OWNED BY canvas_sender, canvas_other;
DROP ROLE canvas_sender, canvas_other;
SELECT * FROM finish();
