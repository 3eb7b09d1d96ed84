CREATE FUNCTION celeriac_worker_stats(
	OUT name text, OUT heartbeat timestamptz, OUT sessions integer, OUT claims integer,
	OUT fetched bigint, OUT succeeded bigint, OUT failed bigint, OUT retried bigint,
	OUT stale bigint
) RETURNS SETOF record
	LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME';

CREATE VIEW task_worker AS
	SELECT name, w.queues, w.concurrency,
		CASE WHEN s.sessions > 0 THEN 'online' ELSE coalesce(w.state, 'offline') END AS state,
		s.heartbeat, coalesce(s.claims, 0) AS active,
		coalesce(s.fetched, 0) AS fetched, coalesce(s.succeeded, 0) AS succeeded,
		coalesce(s.failed, 0) AS failed, coalesce(s.retried, 0) AS retried,
		coalesce(s.stale, 0) AS stale,
		w.pid, w.client_addr, w.started_at, w.stopped_at, w.info
	FROM celeriac_worker w FULL JOIN celeriac_worker_stats() s USING (name);
COMMENT ON VIEW task_worker IS
	'Workers, external pools and executors. active counts tasks claimed; the counters are since the server''s start, stale are outcomes refused by fencing.';
