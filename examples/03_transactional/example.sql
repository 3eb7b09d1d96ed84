-- example.sql
--      A send belongs to the transaction; so do the effects of a SQL task.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
\pset footer off

DROP TABLE IF EXISTS example_orders, example_ledger CASCADE;
CREATE TABLE example_orders (
    id int PRIMARY KEY,
    amount numeric NOT NULL,
    invoice uuid
);
CREATE TABLE example_ledger (
    order_id int NOT NULL REFERENCES example_orders,
    amount numeric NOT NULL
);

-- No key makes the ledger forgiving: a second run of a task would show.
CREATE OR REPLACE FUNCTION example_book(order_id int) RETURNS numeric
LANGUAGE plpgsql AS $$
DECLARE
    booked numeric;
BEGIN
    INSERT INTO example_ledger SELECT o.id, o.amount FROM example_orders o
        WHERE o.id = order_id
        RETURNING amount INTO STRICT booked;
    IF (task_current()).retries = 0 AND order_id % 2 = 0 THEN
        -- what was inserted above is undone before the task runs again
        RAISE EXCEPTION 'the bank is closed' USING ERRCODE = 'connection_failure';
    END IF;
    RETURN booked;
END
$$;
SELECT task_register('example_book(int)'::regprocedure, retry_delay => '100 ms',
                     autoretry_for => '{connection_failure}') \g /dev/null

\echo === the order and its task are stored together …
BEGIN;
INSERT INTO example_orders SELECT n, n * 10 FROM generate_series(1, 4) n;
UPDATE example_orders SET invoice = task_delay('example_book', id);
SELECT count(*) AS booked_before_commit FROM example_ledger;
COMMIT;

\echo === … and task 5 is not: its transaction was rolled back
BEGIN;
INSERT INTO example_orders VALUES (5, 50);
UPDATE example_orders SET invoice = task_delay('example_book', id) WHERE id = 5;
ROLLBACK;

\echo === results
SELECT id, task_get(invoice, timeout => '10 s') AS booked FROM example_orders ORDER BY id;
SELECT o.id, s.state, s.retries FROM example_orders o JOIN task_state s ON s.id = o.invoice
ORDER BY o.id;

\echo === each order is in the ledger once, though two tasks ran twice
SELECT order_id, count(*), sum(amount) FROM example_ledger GROUP BY 1 ORDER BY 1;
