--
-- Revoking: a task that waits ends, one that runs is not run again, one that
-- has ended stays as it is.  A revoked task that runs after all is the error.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

CREATE FUNCTION revoke_send(what text, countdown interval DEFAULT NULL) RETURNS uuid LANGUAGE sql AS $$
	SELECT task_send('revoke.task', jsonb_build_array(what), queue => 'revoke', countdown => countdown)
$$;
CREATE VIEW revoked AS SELECT args ->> 0 AS task, state, exc_type, exc_message, worker, options FROM task_state WHERE name = 'revoke.task';

-- waiting: ready or delayed
SELECT task_revoke(revoke_send('waiting')), task_revoke(revoke_send('delayed', '1 hour'));
SELECT name FROM task_fetch('w', '{revoke}');
SELECT * FROM revoked ORDER BY task;
-- again: it has ended already
SELECT args, task_revoke(id) FROM task_state WHERE name = 'revoke.task' ORDER BY args;

-- leased, not begun: it ends, and the outcome of its holder is refused
SELECT revoke_send('leased') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}');
SELECT task_revoke(:'id');
SELECT task_succeed(:'id', '"too late"');
SELECT * FROM revoked WHERE task = 'leased';
-- leased and begun: marked, its success counts, a retry does not
SELECT revoke_send('begun, succeeds') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}');
SELECT task_started('w', ARRAY[:'id']::uuid[], ARRAY[now()]);
SELECT task_revoke(:'id'), task_ready(:'id');
SELECT task_succeed(:'id', '"in time"');
SELECT revoke_send('begun, retries') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}');
SELECT task_started('w', ARRAY[:'id']::uuid[], ARRAY[now()]);
SELECT task_revoke(:'id'), task_retry(:'id', '0');
SELECT revoke_send('begun, handed back') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}');
SELECT task_started('w', ARRAY[:'id']::uuid[], ARRAY[now()]);
SELECT task_revoke(:'id'), task_reject(:'id', true);
SELECT revoke_send('begun, lost') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}', lease => '100 ms');
SELECT task_started('w', ARRAY[:'id']::uuid[], ARRAY[now()]);
SELECT task_revoke(:'id');
SELECT task_get(:'id', timeout => '20 s', propagate => false);
-- with terminate it ends here and now
SELECT revoke_send('begun, terminated') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}');
SELECT task_started('w', ARRAY[:'id']::uuid[], ARRAY[now()]);
SELECT task_revoke(:'id', true), task_ready(:'id'), task_fail(:'id', 'E', 'too late');
SELECT * FROM revoked WHERE task LIKE 'begun%' ORDER BY task;

-- run again, it is revoked no more
SELECT id FROM task_state WHERE name = 'revoke.task' AND args = '["begun, retries"]' \gset
SELECT task_requeue(:'id');
SELECT args, options FROM task_fetch('w', '{revoke}');
SELECT task_retry(:'id', '1 hour');
SELECT state FROM task_state WHERE id = :'id';
SELECT task_revoke(:'id');

-- under a session claim the worker ends it
SELECT revoke_send('session, succeeds') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}', lease => NULL);
SELECT task_revoke(:'id'), task_ready(:'id');
SELECT state, worker FROM revoked WHERE task = 'session, succeeds';
SELECT task_succeed(:'id', '"in time"');
SELECT revoke_send('session, fails') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}', lease => NULL);
SELECT task_revoke(:'id', true, 'KILL'), task_ready(:'id');
SELECT task_retry(:'id', '0');
SELECT revoke_send('session, handed back') AS id \gset
SELECT args FROM task_fetch('w', '{revoke}', lease => NULL);
SELECT task_revoke(:'id'), task_reject(:'id', true);
SELECT * FROM revoked WHERE task LIKE 'session%' ORDER BY task;
-- rolled back: it runs
SELECT revoke_send('rolled back') AS id \gset
BEGIN;
SELECT task_revoke(:'id');
ROLLBACK;
SELECT args FROM task_fetch('w', '{revoke}');
SELECT task_succeed(:'id');
BEGIN;
SELECT revoke_send('sent and revoked') AS id \gset
SELECT task_revoke(:'id');
COMMIT;
SELECT state FROM revoked WHERE task = 'sent and revoked';

-- several: true if any had not ended; in any order, twice the same
SELECT array_agg(revoke_send('many ' || n) ORDER BY n) AS ids FROM generate_series(1, 3) AS n \gset
SELECT task_revoke((:'ids'::uuid[])[1:1]);
SELECT task_revoke(:'ids'::uuid[] || :'ids'::uuid[]);
SELECT task_revoke(:'ids'::uuid[]);
SELECT task_revoke('{}'::uuid[]);
SELECT * FROM revoked WHERE task LIKE 'many%' ORDER BY task;
-- given as text, as literals and many drivers do
SELECT revoke_send('as text') AS id \gset
SELECT task_revoke(:'id'), task_revoke('{' || :'id' || '}');
SELECT revoke_send('as text, named') AS id \gset
SELECT task_revoke(id => :'id', terminate => true, signal => 'SIGKILL');
PREPARE revoke_it AS SELECT task_revoke($1);
EXECUTE revoke_it(:'id');
DEALLOCATE revoke_it;

-- signals by name, with or without SIG, in any case
SELECT s, task_revoke(:'id'::uuid, true, s) FROM unnest('{TERM,KILL,INT,QUIT,HUP,USR1,USR2,SIGTERM,sigkill,kill}'::text[]) AS s;
SELECT task_revoke(:'id', true, 'NONE');
\echo :LAST_ERROR_SQLSTATE
SELECT task_revoke(:'id', true, '9');
SELECT task_revoke(:'id', true, '');
SELECT task_revoke(:'id', true, NULL);
-- ids nobody sent
SELECT task_revoke('00000000-0000-0000-0000-000000000000');
\echo :LAST_ERROR_SQLSTATE
SELECT task_revoke(ARRAY['00000000-0000-0000-0000-000000000000']::uuid[]);
SELECT task_revoke(ARRAY[NULL]::uuid[]);
SELECT task_revoke(NULL::uuid);
SELECT task_revoke(NULL::uuid[]);
SELECT task_revoke('a typo');
-- one that is unknown undoes the rest
SELECT revoke_send('with unknown') AS id \gset
SELECT task_revoke(ARRAY[:'id', 'ffffffff-ffff-ffff-ffff-ffffffffffff']::uuid[]);
SELECT state FROM revoked WHERE task = 'with unknown';
SELECT args FROM task_fetch('w', '{revoke}');

--
-- Purge: what waits in a queue; what is held is not touched
--
SELECT task_send('revoke.purge', jsonb_build_array(n), queue => 'revoke.purge', countdown => CASE WHEN n > 3 THEN interval '1 hour' END)
	IS NOT NULL AS sent FROM generate_series(1, 5) AS n \g /dev/null
SELECT task_send('revoke.purge', '["elsewhere"]', queue => 'revoke') IS NOT NULL AS sent;
SELECT args FROM task_fetch('w', '{revoke.purge}');
SELECT args FROM task_fetch('w', '{revoke.purge}', lease => NULL);
SELECT task_purge('revoke.purge'), task_purge('revoke.purge'), task_purge('revoke.no_such_queue');
SELECT args, state, exc_type, exc_message FROM task_state WHERE name = 'revoke.purge' ORDER BY args;
SELECT task_succeed(id) FROM task_state WHERE name = 'revoke.purge' AND state = 'RECEIVED';

DELETE FROM task_message WHERE name LIKE 'revoke%';
DELETE FROM task_result WHERE name LIKE 'revoke%';
DELETE FROM task_queue WHERE name LIKE 'revoke%';
DROP VIEW revoked;
DROP FUNCTION revoke_send;
