SELECT task_send('noop.noop', '["0123456789"]');
