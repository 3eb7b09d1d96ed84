SELECT count(*) FROM task_send_many('noop.noop', array_fill('["0123456789"]'::jsonb, ARRAY[100000]))
