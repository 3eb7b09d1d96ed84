-- Fetching and ending tasks one by one, in one transaction.

CREATE PROCEDURE one_by_one(count int, lease interval) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..count LOOP
		PERFORM task_succeed(id) FROM task_fetch('bench', '{held}', lease => one_by_one.lease);
		IF NOT FOUND THEN
			RAISE EXCEPTION 'nothing was fetched after % tasks', i - 1;
		END IF;
	END LOOP;
END $$;

-- Queues that had tasks once, and have none now.

CREATE PROCEDURE use_queues(count int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..count LOOP
		PERFORM task_send('noop', queue => 'used' || i, priority => i % 10);
		COMMIT;
		PERFORM task_succeed(id) FROM task_fetch('bench', ARRAY['used' || i]);
		COMMIT;
	END LOOP;
END $$;
