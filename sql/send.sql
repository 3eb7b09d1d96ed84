--
-- Sending: each option reaches the message, those left out come from the
-- definition at the time of the send, and a send is part of its transaction.
-- An option that is dropped on the way is noticed by nobody until it matters.
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
RESET client_min_messages;

-- nothing but a name
SELECT task_send('send.plain') AS id \gset
SELECT name, args, kwargs, queue, priority, state, retries, max_retries, deliveries, eta, expires, worker,
	root_id = id AS root, parent_id, group_id, sent_by = current_user AS mine,
	sent_at BETWEEN now() - interval '1 min' AND clock_timestamp() AS now, options
FROM task_state WHERE id = :'id' \gx
-- ids are of version 7 and rise with time
SELECT substr(:'id', 15, 1) AS version, substr(:'id', 20, 1) IN ('8', '9', 'a', 'b') AS variant;
SELECT bool_and(id > previous) AS rising FROM (
	SELECT id, lag(id) OVER (ORDER BY n) AS previous
	FROM (SELECT n, task_send('send.plain', queue => 'send.ids') AS id FROM generate_series(1, 1000) AS n) AS sent) AS pairs;
SELECT task_purge('send.ids') AS purged;

-- every option
SELECT task_send('send.all', '[1, "two", null]', '{"three": 3}', queue => 'send', priority => 7,
	countdown => '1 hour', expires => now() + interval '2 hours', max_retries => 9,
	soft_time_limit => '1.5 s', time_limit => '1 min', ignore_result => true,
	link => ARRAY[task_s('send.next', 1)], link_error => ARRAY[task_si('send.oops')],
	headers => '{"trace": "abc"}', shadow => 'shown.name', id => '00000000-0000-7000-8000-0000000000a1');
SELECT name, args, kwargs, queue, priority, state, max_retries,
	round(extract(epoch FROM eta - sent_at)) AS countdown, round(extract(epoch FROM expires - sent_at)) AS expires,
	jsonb_pretty(options) AS options
FROM task_state WHERE id = '00000000-0000-7000-8000-0000000000a1' \gx
SELECT ready IS NULL AS delayed, waiting FROM task_message WHERE name = 'send.all';

-- NULL is as left out
SELECT task_send('send.nulls', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL) AS id \gset
SELECT args, kwargs, queue, priority, max_retries, options FROM task_state WHERE id = :'id';

-- eta: later waits, now and past are ready at once
SELECT task_send('send.eta', '["later"]', queue => 'send', eta => now() + interval '1 hour') IS NOT NULL AS sent;
SELECT task_send('send.eta', '["now"]', queue => 'send', eta => now()) IS NOT NULL AS sent;
SELECT task_send('send.eta', '["past"]', queue => 'send', eta => '2000-01-01 00:00:00+00') IS NOT NULL AS sent;
SELECT task_send('send.eta', '["zero"]', queue => 'send', countdown => '0') IS NOT NULL AS sent;
SELECT args, ready IS NOT NULL AS ready FROM task_message WHERE name = 'send.eta' ORDER BY args;

-- delayed tasks join the tail when they are due
SELECT task_send('send.due', '["first"]', queue => 'send.due', countdown => '1500 ms') IS NOT NULL AS sent;
SELECT task_send('send.due', '["second"]', queue => 'send.due', countdown => '100 ms') IS NOT NULL AS sent;
SELECT task_send('send.due', '["third"]', queue => 'send.due') IS NOT NULL AS sent;
SELECT args FROM task_fetch('w', '{send.due}', wait => '20 s');
SELECT args FROM task_fetch('w', '{send.due}', wait => '20 s');
SELECT args FROM task_fetch('w', '{send.due}', wait => '20 s');

--
-- Defaults: those of the definition when it is sent
--
SELECT task_define('send.defined', queue => 'send.own', priority => 4, max_retries => 1, expires => '1 hour',
	soft_time_limit => '1 s', time_limit => '2 s', acks_late => false, ignore_result => true);
SELECT task_send('send.defined', '["defaults"]') IS NOT NULL AS sent;
SELECT task_send('send.defined', '["own"]', queue => 'send', priority => 0, max_retries => 0,
	expires => now() + interval '1 day', time_limit => '5 s', ignore_result => false) IS NOT NULL AS sent;
SELECT task_define('send.defined', max_retries => -1, priority => 5, acks_late => true);
SELECT task_send('send.defined', '["changed"]') IS NOT NULL AS sent;
SELECT args, queue, priority, max_retries, round(extract(epoch FROM expires - sent_at)) AS expires, options
FROM task_state WHERE name = 'send.defined' ORDER BY sent_at;
-- limits of the definition are those at the time of the delivery
SELECT args, max_retries, options FROM task_fetch('w', '{send,send.own}', max => 9) WHERE name = 'send.defined' ORDER BY args;

-- where tasks go that name no queue
SET celeriac.default_queue = 'send.default';
SELECT task_send('send.nowhere') AS id \gset
SELECT queue FROM task_state WHERE id = :'id';
RESET celeriac.default_queue;
CREATE FUNCTION send_sql(x int) RETURNS int LANGUAGE sql RETURN x;
SELECT task_register('send_sql(int)'::regprocedure);
SELECT task_send('send_sql', '[1]', countdown => '1 day') AS id \gset
SELECT queue FROM task_state WHERE id = :'id';
SELECT task_unregister('send_sql');
DROP FUNCTION send_sql;

-- queues are made by the first task sent to them
SELECT name, paused FROM task_queue WHERE name LIKE 'send%' ORDER BY name COLLATE "C";
BEGIN;
SELECT task_send('send.plain', queue => 'send.rolled_back') IS NOT NULL AS sent;
ROLLBACK;
SELECT count(*) FROM task_queue WHERE name = 'send.rolled_back';
SELECT task_send('send.plain', queue => 'send.rolled_back') IS NOT NULL AS sent;
SELECT count(*) FROM task_queue WHERE name = 'send.rolled_back';
SELECT task_queue_create('send.made'), task_queue_create('send.made');

--
-- task_delay
--
SELECT task_delay('send.delay') IS NOT NULL AS sent;
SELECT task_delay('send.delay', 1, 'two', NULL, true, 1.50, '{"a": 1}'::jsonb, ARRAY[1, 2], date '2026-01-31',
	ROW(1, 'x'), '00000000-0000-0000-0000-000000000001'::uuid) IS NOT NULL AS sent;
SELECT task_delay('send.delay', VARIADIC ARRAY['a', 'b']) IS NOT NULL AS sent;
SELECT task_delay('send.delay', VARIADIC '{}'::int[]) IS NOT NULL AS sent;
SELECT args, kwargs, queue FROM task_state WHERE name = 'send.delay' ORDER BY sent_at;

--
-- task_send_many: in order, one statement
--
SELECT array_agg(id ORDER BY n) AS ids
FROM task_send_many('send.many', ARRAY['[1]', '[2]', NULL, '[]', '["five"]']::jsonb[], '{"all": true}',
	queue => 'send.many', priority => 3, max_retries => 2, headers => '{"h": 1}') WITH ORDINALITY AS s(id, n) \gset
SELECT args, kwargs, queue, priority, max_retries, options FROM task_state
WHERE id = ANY (:'ids') ORDER BY array_position(:'ids'::uuid[], id);
SELECT array_agg(args) AS delivered FROM task_fetch('w', '{send.many}', max => 10);
SELECT count(*) FROM task_send_many('send.many', '{}');
SELECT count(*) FROM task_send_many('send.many', NULL);
SELECT count(*) FROM task_send_many('send.many', ARRAY['[1]', '[2]']::jsonb[], queue => 'send.many', countdown => '1 hour');
SELECT count(*) FILTER (WHERE ready IS NULL) AS delayed FROM task_message WHERE name = 'send.many' AND eta IS NOT NULL;
SELECT task_send_many('send.many', ARRAY['[1]', '{}']::jsonb[], queue => 'send.many');
SELECT count(*) AS sent, count(DISTINCT id) AS ids
FROM task_send_many('send.bulk', (SELECT array_agg(jsonb_build_array(i)) FROM generate_series(1, 10000) AS i), queue => 'send.bulk') AS id;
SELECT bool_and((args ->> 0)::int = n) AS in_order, count(*)
FROM task_fetch('w', '{send.bulk}', max => 10000) WITH ORDINALITY AS f(id, name, args, kwargs, queue, priority,
	retries, max_retries, delivery, eta, expires, root_id, parent_id, group_id, options, n);

--
-- Priority first, then the order of sending; but only what is committed
--
SELECT task_send('send.order', jsonb_build_array(p, n), queue => 'send.order', priority => p) IS NOT NULL AS sent
FROM generate_series(1, 3) AS n, unnest(ARRAY[0, 255, 9]) AS p \g /dev/null
SELECT args, priority FROM task_fetch('w', '{send.order}', max => 4);
SELECT task_send('send.order', '["late"]', queue => 'send.order', priority => 100) IS NOT NULL AS sent;
SELECT args, priority FROM task_fetch('w', '{send.order}', max => 10);

--
-- A send is part of its transaction
--
BEGIN;
SELECT task_send('send.transaction', '["kept"]') IS NOT NULL AS sent;
SAVEPOINT s;
SELECT task_send('send.transaction', '["undone"]') IS NOT NULL AS sent;
ROLLBACK TO s;
SELECT task_send('send.transaction', '["kept too"]') IS NOT NULL AS sent;
COMMIT;
BEGIN;
SELECT task_send('send.transaction', '["rolled back"]') IS NOT NULL AS sent;
ROLLBACK;
SELECT args, state FROM task_state WHERE name = 'send.transaction' ORDER BY sent_at;

-- from a trigger, with the options of a row
CREATE TABLE send_orders (id int, urgent boolean);
CREATE FUNCTION send_on_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM task_send('send.order_placed', jsonb_build_array(new.id), queue => 'send.trigger',
		priority => CASE WHEN new.urgent THEN 9 END);
	RETURN NULL;
END $$;
CREATE TRIGGER placed AFTER INSERT ON send_orders FOR EACH ROW EXECUTE FUNCTION send_on_order();
INSERT INTO send_orders VALUES (1, false), (2, true), (3, false);
SELECT args, priority FROM task_fetch('w', '{send.trigger}', max => 10);
DROP TABLE send_orders;
DROP FUNCTION send_on_order;

-- prepared transactions: seen when they commit
BEGIN;
SELECT task_send('send.prepared', queue => 'send.prepared') IS NOT NULL AS sent;
PREPARE TRANSACTION 'send';
SELECT count(*) FROM task_state WHERE name = 'send.prepared';
COMMIT PREPARED 'send';
SELECT name FROM task_fetch('w', '{send.prepared}', wait => '20 s');

-- a prepared statement whose plan outlives a change of the definition
PREPARE send_it(int) AS SELECT task_send('send.defined', jsonb_build_array($1), queue => 'send') IS NOT NULL AS sent;
EXECUTE send_it(1);
SELECT task_define('send.defined', priority => 77);
EXECUTE send_it(2);
SELECT args, priority FROM task_state WHERE name = 'send.defined' AND args IN ('[1]', '[2]') ORDER BY args;
DEALLOCATE send_it;

-- a read-only transaction sends nothing, though no statement is run for it
BEGIN READ ONLY;
SELECT task_send('send.read_only', queue => 'send', countdown => '1 h');
ROLLBACK;

SELECT task_unregister('send.defined');
DELETE FROM task_message WHERE name LIKE 'send%';
DELETE FROM task_result WHERE name LIKE 'send%';
DELETE FROM task_queue WHERE name LIKE 'send%';
