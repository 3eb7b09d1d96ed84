-- Tables of the same shape with nothing behind them, and the least work that
-- a queue with results can do: what Celeriac is measured against.

CREATE SEQUENCE raw_ready_seq;
CREATE TABLE raw_message (LIKE task_message_1 INCLUDING ALL);
CREATE TABLE raw_result (LIKE task_result_1 INCLUDING ALL);

CREATE PROCEDURE raw_drain() LANGUAGE plpgsql AS $$
DECLARE
	done bigint := 0;
	batch bigint;
BEGIN
	LOOP
		WITH d AS (
			DELETE FROM raw_message WHERE queue = 'default' AND priority = 0
				AND ready > done AND ready <= done + 500
			RETURNING *
		)
		INSERT INTO raw_result (id, name, args, kwargs, queue, priority, state, result,
			retries, max_retries, worker, sent_by, sent_at, started_at)
		SELECT id, name, args, kwargs, queue, priority, 'SUCCESS', 'null',
			retries, max_retries, 'raw', sent_by, sent_at, sent_at FROM d;
		GET DIAGNOSTICS batch = ROW_COUNT;
		EXIT WHEN batch = 0;
		done := done + 500;
		COMMIT;
	END LOOP;
END
$$;
