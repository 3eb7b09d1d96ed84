-- Column order is known to C: src/base/relation.h.

CREATE TABLE task_queue (
	name text PRIMARY KEY
		CHECK (name <> '' AND octet_length(name) < 64),
	paused boolean NOT NULL DEFAULT false,
	created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE task_queue IS
	'Queues in use. A queue is created by the first task sent to it.';

CREATE TABLE task_definition (
	name text PRIMARY KEY
		CHECK (name <> '' AND octet_length(name) < 256),
	function text,
	queue text CHECK (queue <> '' AND octet_length(queue) < 64),
	priority smallint NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 255),
	max_retries integer DEFAULT 3 CHECK (max_retries >= 0),
	retry_delay interval NOT NULL DEFAULT '180 s' CHECK (retry_delay >= '0'),
	retry_backoff double precision CHECK (retry_backoff >= 0),
	retry_backoff_max interval NOT NULL DEFAULT '600 s' CHECK (retry_backoff_max >= '0'),
	retry_jitter boolean NOT NULL DEFAULT true,
	autoretry_for text[],
	soft_time_limit interval CHECK (soft_time_limit > '0'),
	time_limit interval CHECK (time_limit > '0'),
	expires interval CHECK (expires > '0'),
	acks_late boolean NOT NULL DEFAULT true,
	max_deliveries integer NOT NULL DEFAULT 3 CHECK (max_deliveries > 0),
	ignore_result boolean NOT NULL DEFAULT false,
	track_started boolean NOT NULL DEFAULT false,
	rate_limit text,
	CHECK (soft_time_limit <= time_limit)
);
COMMENT ON TABLE task_definition IS
	'Known tasks and their default options, which may be changed at any time and hold from the next use on. function is the qualified signature of a SQL function (text, so that pg_upgrade and a function created anew keep it), NULL for tasks that run outside; max_retries NULL means no limit.';

-- The dispatch order: whatever becomes runnable takes the next number.
CREATE SEQUENCE task_ready_seq AS bigint;

-- fillfactor leaves room on the page for the update that marks a lease.
CREATE TABLE task_message (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	args jsonb NOT NULL DEFAULT '[]',
	kwargs jsonb NOT NULL DEFAULT '{}',
	queue text NOT NULL,
	priority smallint NOT NULL DEFAULT 0,
	ready bigint,
	state text NOT NULL DEFAULT 'PENDING',
	eta timestamptz,
	expires timestamptz,
	retries integer NOT NULL DEFAULT 0,
	max_retries integer,
	deliveries integer NOT NULL DEFAULT 0,
	worker text,
	leased_until timestamptz,
	waiting integer NOT NULL DEFAULT 0,
	root_id uuid,
	parent_id uuid,
	group_id uuid,
	sent_by text NOT NULL DEFAULT current_user,
	sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	started_at timestamptz,
	options jsonb
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_insert_scale_factor = 0.1);
COMMENT ON TABLE task_message IS
	'Tasks that have not ended. ready is the dispatch order of those that can run now; it is NULL for the others.';

-- The one hot index.  None may hold a column that a lease changes.
CREATE INDEX task_message_ready_idx ON task_message (queue, priority DESC, ready)
	WHERE ready IS NOT NULL;
CREATE INDEX task_message_due_idx ON task_message (eta)
	WHERE ready IS NULL AND eta IS NOT NULL;
CREATE INDEX task_message_expires_idx ON task_message (expires)
	WHERE expires IS NOT NULL;
CREATE INDEX task_message_parent_idx ON task_message (parent_id)
	WHERE parent_id IS NOT NULL;
CREATE INDEX task_message_waiting_idx ON task_message (id)
	WHERE waiting > 0;

CREATE TABLE task_result (
	id uuid PRIMARY KEY,
	name text NOT NULL,
	args jsonb NOT NULL,
	kwargs jsonb NOT NULL,
	queue text NOT NULL,
	priority smallint NOT NULL,
	state text NOT NULL,
	result jsonb,
	exc_type text,
	exc_message text,
	traceback text,
	retries integer NOT NULL,
	max_retries integer,
	worker text,
	root_id uuid,
	parent_id uuid,
	group_id uuid,
	sent_by text NOT NULL,
	sent_at timestamptz NOT NULL,
	started_at timestamptz,
	done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	options jsonb
);
COMMENT ON TABLE task_result IS
	'Tasks that have ended, one row each, kept for celeriac.result_expires.';

CREATE INDEX task_result_parent_idx ON task_result (parent_id)
	WHERE parent_id IS NOT NULL;

-- Segments: new rows go to one child at a time, and one that is drained, or
-- whose results have expired, is emptied by TRUNCATE (src/shmem/segment.h).  The
-- tables above are segment 0, which never is.
DO $$
DECLARE
	segment record;
BEGIN
	FOR segment IN
		SELECT format('%s_%s', parent, number) AS name, parent, storage
		FROM (VALUES ('task_message', 3, 'fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.1'),
				('task_result', 4, 'autovacuum_vacuum_insert_scale_factor = 0.2'))
			AS tables (parent, children, storage),
			generate_series(1, children) AS number
	LOOP
		EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING COMMENTS) INHERITS (%2$I) WITH (%s)',
			segment.name, segment.parent, segment.storage);
		EXECUTE format('COMMENT ON TABLE %I IS %L', segment.name,
			format('Segment of %s: query that instead.', segment.parent));
		PERFORM pg_extension_config_dump(segment.name::regclass, '');
	END LOOP;
END
$$;

-- Only the results in segment 0 expire one by one.
CREATE INDEX task_result_done_idx ON task_result (done_at);

-- When results were begun and ceased to be put there; none = it is empty.
-- Restored elsewhere, segments count from then.
CREATE TABLE celeriac_segment (
	number integer PRIMARY KEY,
	opened_at timestamptz NOT NULL,
	closed_at timestamptz
);
COMMENT ON TABLE celeriac_segment IS
	'The segments of task_result that hold results, by the number in their names.';

-- Workers that registered; what changes often is in shared memory.
CREATE TABLE celeriac_worker (
	name text PRIMARY KEY,
	queues text[],
	concurrency integer,
	state text NOT NULL CHECK (state IN ('online', 'offline', 'lost')),
	pid integer,
	client_addr inet,
	started_at timestamptz NOT NULL,
	stopped_at timestamptz,
	info jsonb
);
COMMENT ON TABLE celeriac_worker IS
	'Workers that registered by task_heartbeat. Query task_worker instead.';

-- pg_dump keeps what users put in.
SELECT pg_extension_config_dump('task_queue', '');
SELECT pg_extension_config_dump('task_definition', '');
SELECT pg_extension_config_dump('task_ready_seq', '');
SELECT pg_extension_config_dump('task_message', '');
SELECT pg_extension_config_dump('task_result', '');
