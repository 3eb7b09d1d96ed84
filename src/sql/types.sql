-- A task handed to a worker.
CREATE TYPE task_delivery AS (
	id uuid,
	name text,
	args jsonb,
	kwargs jsonb,
	queue text,
	priority integer,
	retries integer,
	max_retries integer,
	delivery integer,
	eta timestamptz,
	expires timestamptz,
	root_id uuid,
	parent_id uuid,
	group_id uuid,
	options jsonb
);
COMMENT ON TYPE task_delivery IS
	'A task as task_fetch hands it out. delivery is the fencing number that its outcome must carry; max_retries NULL means no limit.';

-- What became of it.
CREATE TYPE task_outcome AS (
	id uuid,
	delivery integer,
	state text,
	result jsonb,
	exc_type text,
	exc_message text,
	traceback text,
	countdown interval,
	started_at timestamptz
);
COMMENT ON TYPE task_outcome IS
	'The outcome of a delivery. state: SUCCESS, FAILURE, RETRY, REVOKED, REJECTED, IGNORED, PENDING (handed back), LOST (the child died under it), REPLACED (by the signature in result).';

-- A signature is jsonb of a certain shape, so it is stored as jsonb.
CREATE TYPE task_signature;

CREATE FUNCTION task_signature_in(cstring) RETURNS task_signature
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION task_signature_out(task_signature) RETURNS cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION task_signature_recv(internal) RETURNS task_signature
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
CREATE FUNCTION task_signature_send(task_signature) RETURNS bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

CREATE TYPE task_signature (
	INPUT = task_signature_in,
	OUTPUT = task_signature_out,
	RECEIVE = task_signature_recv,
	SEND = task_signature_send,
	INTERNALLENGTH = variable,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE task_signature IS
	'A task to be sent later, as Celery''s signature: a JSON object of task, args, kwargs, options, subtask_type, immutable.';

CREATE FUNCTION celeriac_signature_check(jsonb) RETURNS task_signature
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_signature_check(jsonb) IS
	'jsonb as a signature; raises celeriac_invalid_argument if it is none.';

CREATE CAST (jsonb AS task_signature) WITH FUNCTION celeriac_signature_check(jsonb);
CREATE CAST (task_signature AS jsonb) WITHOUT FUNCTION;
