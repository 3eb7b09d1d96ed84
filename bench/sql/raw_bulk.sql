INSERT INTO raw_message (id, name, args, kwargs, queue, priority, ready, max_retries, sent_by, sent_at)
SELECT gen_random_uuid(), 'noop.noop', '["0123456789"]', '{}', 'default', 0, nextval('raw_ready_seq'), 3, current_user, clock_timestamp()
FROM generate_series(1, 100000)
