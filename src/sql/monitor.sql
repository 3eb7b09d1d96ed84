CREATE FUNCTION celeriac_version() RETURNS text
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_version() IS 'Version of the loaded library.';

CREATE FUNCTION celeriac_database_stats(
	OUT coordinator_pid integer, OUT executors integer, OUT listeners integer,
	OUT waiting_fetches integer, OUT stale_outcomes bigint
) RETURNS record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_database_stats() IS
	'What celeriac does in this database right now.';

CREATE FUNCTION celeriac_current_segments(OUT messages integer, OUT results integer)
	RETURNS record
	LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_current_segments() IS
	'The segments of task_message and task_result that new rows go to; 0 is the table itself.';

CREATE FUNCTION task_events_enable() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'task_events_enable';
COMMENT ON FUNCTION task_events_enable() IS
	'Sends events even if no session listens, until the server restarts. Celery: enable_events.';
CREATE FUNCTION task_events_disable() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'task_events_disable';
COMMENT ON FUNCTION task_events_disable() IS
	'Sends no events even if sessions listen, until the server restarts. Celery: disable_events.';
CREATE FUNCTION task_events_auto() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'task_events_auto';
COMMENT ON FUNCTION task_events_auto() IS
	'Sends events exactly while a session of this database listens to task_event: the default.';

-- The launcher looks at this database when this commits.
CREATE FUNCTION celeriac_announce() RETURNS void
	LANGUAGE c VOLATILE AS 'MODULE_PATHNAME';
SELECT celeriac_announce();
