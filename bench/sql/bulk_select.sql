SELECT count(task_send('noop.noop', '["0123456789"]')) FROM generate_series(1, 100000)
