--
-- Retrying: when, how often, for which errors.  A task retried for ever or at
-- once loads the system that just failed; one not retried is lost work.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- sends, fetches and ends a task; then says what is planned for it
CREATE FUNCTION retry_once(task text, state text, exc_type text DEFAULT NULL, countdown interval DEFAULT NULL,
	max_retries int DEFAULT NULL, retries int DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	task_id uuid := task_send(task, queue => 'retry', max_retries => max_retries);
	t record;
BEGIN
	UPDATE task_message m SET retries = retry_once.retries WHERE m.id = task_id;
	PERFORM task_fetch('w', '{retry}', max => 100);
	PERFORM task_finish('w', ARRAY[ROW(task_id, 1, state, NULL, exc_type, 'why', NULL, countdown, NULL)]::task_outcome[]);
	SELECT s.state, s.retries, s.exc_type, s.exc_message, round(extract(epoch FROM s.eta - clock_timestamp())) AS delay
		INTO t FROM task_state s WHERE s.id = task_id;
	DELETE FROM task_message m WHERE m.id = task_id;
	RETURN concat_ws(' ', t.state, 'retries ' || t.retries, 'in ' || abs(t.delay) || ' s',
		replace(concat_ws(': ', t.exc_type, t.exc_message), task_id::text, 'id'));
END $$;

-- countdown given, or the definition's delay, or Celery's default of 180 s
SELECT task_define('retry.delay', retry_delay => '1 min');
SELECT retry_once('retry.delay', 'RETRY', 'IOError', '10 min'), retry_once('retry.delay', 'RETRY', 'IOError'),
	retry_once('retry.unknown', 'RETRY'), retry_once('retry.delay', 'RETRY', NULL, '0') \gx

-- max_retries: the definition's, the send's; 0 is none, -1 no limit
SELECT task_define('retry.twice', max_retries => 2), task_define('retry.never', max_retries => 0),
	task_define('retry.always', max_retries => -1) \gx
SELECT r, retry_once('retry.twice', 'RETRY', 'IOError', '1 min', retries => r) FROM generate_series(0, 3) AS r;
SELECT r, retry_once('retry.twice', 'RETRY', 'IOError', '1 min', 1, r) FROM generate_series(0, 1) AS r;
SELECT retry_once('retry.never', 'RETRY'), retry_once('retry.always', 'RETRY', retries => 1000000),
	retry_once('retry.unknown', 'RETRY', retries => 2), retry_once('retry.unknown', 'RETRY', retries => 3) \gx

-- backoff: factor × 2^retries, up to its maximum
SELECT task_define('retry.backoff', max_retries => -1, retry_backoff => 3, retry_backoff_max => '100 s', retry_jitter => false);
SELECT r, retry_once('retry.backoff', 'RETRY', retries => r) FROM unnest('{0,1,2,3,4,5,6,60,100000}'::int[]) AS r;
SELECT retry_once('retry.backoff', 'RETRY', countdown => '5 s', retries => 3);
-- jitter: anything up to that
SELECT task_define('retry.backoff', retry_jitter => true);
CREATE FUNCTION retry_delays(n int) RETURNS SETOF int LANGUAGE sql AS $$
	SELECT substring(retry_once('retry.backoff', 'RETRY', retries => 4) FROM 'in (\d+) s')::int FROM generate_series(1, n)
$$;
SELECT min(d) >= 0 AS least, max(d) <= 48 AS most, count(DISTINCT d) > 5 AS differ FROM retry_delays(100) AS d;
SELECT task_define('retry.backoff', retry_backoff => 0, retry_delay => '7 s');
SELECT retry_once('retry.backoff', 'RETRY', retries => 4);

--
-- autoretry_for: SQLSTATE, class, condition name, type of exception, * for all
--
CREATE FUNCTION retry_for(VARIADIC patterns text[]) RETURNS TABLE (exc_type text, becomes text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM task_define('retry.for', retry_delay => '1 min', autoretry_for => patterns);
	RETURN QUERY SELECT e, coalesce(retry_once('retry.for', 'FAILURE', e), 'gone')
		FROM unnest('{40001 serialization_failure,40P01 deadlock_detected,22012 division_by_zero,ConnectionError,builtins.KeyError,NULL}'::text[]) AS e;
END $$;
SELECT * FROM retry_for('40001');
SELECT * FROM retry_for('serialization_failure', 'division_by_zero');
SELECT * FROM retry_for('transaction_rollback');
SELECT * FROM retry_for('40000');
SELECT * FROM retry_for('ConnectionError');
SELECT * FROM retry_for('KeyError');
SELECT * FROM retry_for('*');
SELECT * FROM retry_for('connectionerror', 'Connection', '4000', '', ' 40001');
-- until there are no retries left: then what failed it is kept
SELECT task_define('retry.for', autoretry_for => '{*}', max_retries => 2);
SELECT r, retry_once('retry.for', 'FAILURE', 'IOError', retries => r) FROM generate_series(0, 2) AS r;
-- only failures
SELECT s, retry_once('retry.for', s, 'IOError') FROM unnest('{SUCCESS,REJECTED,IGNORED,REVOKED}'::text[]) AS s;
-- the definition as it is when the task fails
SELECT task_send('retry.for', queue => 'retry') AS id \gset
SELECT task_define('retry.for', autoretry_for => '{}');
SELECT name FROM task_fetch('w', '{retry}');
SELECT task_fail(:'id', 'IOError', 'm');
SELECT state FROM task_state WHERE id = :'id';

--
-- A retry is the same task: it comes back when it is due
--
SELECT task_send('retry.back', '[1]', '{"k": 2}', queue => 'retry', priority => 4, headers => '{"h": 1}') AS id \gset
SELECT name, retries, delivery FROM task_fetch('w', '{retry}');
SELECT task_retry(:'id', '100 ms', 'not yet');
SELECT state, retries, exc_message, worker, args FROM task_state WHERE id = :'id';
SELECT id = :'id' AS same, args, kwargs, priority, retries, max_retries, delivery, eta IS NOT NULL AS eta, options -> 'headers' AS headers
FROM task_fetch('w', '{retry}', wait => '20 s');
SELECT state, retries, worker FROM task_state WHERE id = :'id';
SELECT task_retry(:'id', '0'), task_ready(:'id');
SELECT retries, delivery FROM task_fetch('w', '{retry}');
SELECT task_succeed(:'id', '"at last"');
SELECT state, result, exc_type, exc_message, retries FROM task_state WHERE id = :'id';
-- its errback is called when it has failed, not when it is tried again
SELECT task_send('retry.linked', queue => 'retry', max_retries => 1, link_error => ARRAY[task_s('retry.errback')]) AS id \gset
SELECT name FROM task_fetch('w', '{retry}');
SELECT task_retry(:'id', '0');
SELECT count(*) FROM task_state WHERE name = 'retry.errback';
SELECT name, retries FROM task_fetch('w', '{retry}');
SELECT task_retry(:'id', '0');
SELECT state, exc_type, replace(exc_message, :'id', 'id') AS exc_message FROM task_state WHERE id = :'id';
SELECT count(*) FROM task_state WHERE name = 'retry.errback';
-- revoked while it waits for its next try
SELECT task_send('retry.revoked', queue => 'retry') AS id \gset
SELECT name FROM task_fetch('w', '{retry}');
SELECT task_retry(:'id', '1 hour');
SELECT task_revoke(:'id');
SELECT state, exc_message, retries FROM task_state WHERE id = :'id';

DELETE FROM task_message WHERE name LIKE 'retry%';
DELETE FROM task_result WHERE name LIKE 'retry%';
DELETE FROM task_queue WHERE name LIKE 'retry%';
DELETE FROM task_definition WHERE name LIKE 'retry%';
DROP FUNCTION retry_once, retry_delays, retry_for;
