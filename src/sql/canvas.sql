-- Canvases: signatures of several tasks.  They are values; task_send sends them.
CREATE FUNCTION task_chain(VARIADIC tasks task_signature[] DEFAULT '{}') RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_chain';
COMMENT ON FUNCTION task_chain(task_signature[]) IS
	'Tasks one after the other, each given the result of the one before it; the same as | between them. Celery: chain().';

CREATE FUNCTION task_group(VARIADIC tasks task_signature[] DEFAULT '{}') RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_group';
COMMENT ON FUNCTION task_group(task_signature[]) IS
	'Tasks that run at the same time; the result is the list of their results, in this order. Celery: group().';

CREATE FUNCTION task_chord(header task_signature, body task_signature) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_chord';
COMMENT ON FUNCTION task_chord(task_signature, task_signature) IS
	'A group, and a task (or any canvas) that is given the list of its results. header: a group, a chain, whose tasks become the header, or one task. Celery: chord(header, body).';

CREATE FUNCTION task_chord(header task_signature[], body task_signature) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_chord_of';
COMMENT ON FUNCTION task_chord(task_signature[], task_signature) IS
	'task_chord of the group of these tasks. Celery: chord([...], body).';

CREATE FUNCTION task_map(name text, items jsonb) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_map';
COMMENT ON FUNCTION task_map(text, jsonb) IS
	'One message that calls the task for each element of items, one after the other; the result is the list of results. Celery: task.map(it).';

CREATE FUNCTION task_starmap(name text, items jsonb) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_starmap';
COMMENT ON FUNCTION task_starmap(text, jsonb) IS
	'As task_map, but each element of items is an array of arguments. Celery: task.starmap(it).';

CREATE FUNCTION task_chunks(name text, items jsonb, size integer) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_chunks';
COMMENT ON FUNCTION task_chunks(text, jsonb, integer) IS
	'A group of starmaps of size items each; the result is a list of lists. Celery: task.chunks(it, n).';

CREATE FUNCTION task_set(sig task_signature, options jsonb) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_set';
COMMENT ON FUNCTION task_set(task_signature, jsonb) IS
	'The signature with these options, by the names task_send has for them (times in seconds; null takes one away), and immutable. Stamps are kept. Celery: set().';

CREATE FUNCTION task_link(sig task_signature, callback task_signature) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_link';
COMMENT ON FUNCTION task_link(task_signature, task_signature) IS
	'The signature with a callback on success: of a chain on its last task, of a chord on its body, of a group on its first task, where it is given no result. Celery: link(), but returns sig.';

CREATE FUNCTION task_on_error(sig task_signature, errback task_signature) RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_on_error';
COMMENT ON FUNCTION task_on_error(task_signature, task_signature) IS
	'The signature with a callback on failure: of a chain or a group on each task, of a chord on its body (see celeriac.allow_error_cb_on_chord_header). Celery: on_error().';

CREATE FUNCTION celeriac_canvas_pipe("left" task_signature, "right" task_signature)
	RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_canvas_pipe(task_signature, task_signature) IS
	'Implementation of |.';

CREATE OPERATOR | (LEFTARG = task_signature, RIGHTARG = task_signature, FUNCTION = celeriac_canvas_pipe);
COMMENT ON OPERATOR | (task_signature, task_signature) IS
	'The right after the left, with its result: a chain, or a chord if the left is or ends in a group.';

CREATE FUNCTION celeriac_canvas_prepared(
	sig task_signature, args jsonb DEFAULT NULL, kwargs jsonb DEFAULT NULL, options jsonb DEFAULT NULL
) RETURNS jsonb
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_canvas_prepared(task_signature, jsonb, jsonb, jsonb) IS
	'What task_send would send: everything said of chains, groups and chords handed down to their tasks.';

CREATE FUNCTION task_stamp(sig task_signature, headers jsonb, append_stamps boolean DEFAULT false)
	RETURNS task_signature
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'task_stamp';
COMMENT ON FUNCTION task_stamp(task_signature, jsonb, boolean) IS
	'The signature with these stamps on every task in it, callbacks too; they show in options of the tasks sent. A key that is there already gets the new value, with append_stamps a list of both. Celery: stamp().';
