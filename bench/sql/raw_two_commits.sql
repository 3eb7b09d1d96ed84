INSERT INTO raw_message (id, name, queue, ready) VALUES (gen_random_uuid(), 'noop.noop', 'default', nextval('raw_ready_seq')) RETURNING id \gset
DELETE FROM raw_message WHERE id = ':id';
