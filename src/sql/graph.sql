-- Canvas: which task waits for which.  Rows live as long as their targets do.

CREATE TABLE task_edge (
	source uuid NOT NULL,
	target uuid NOT NULL,
	slot integer NOT NULL,
	depth smallint NOT NULL DEFAULT 0,
	value jsonb,
	PRIMARY KEY (target, slot)
);
COMMENT ON TABLE task_edge IS
	'Which task waits for which: target for source. slot is where the result goes: its place in a group''s list; for a task 0, before its own arguments, or -1, nowhere. depth: how many groups are entered on the way. value is a result that source itself does not keep (ignore_result).';

CREATE INDEX task_edge_source_idx ON task_edge (source);

SELECT pg_extension_config_dump('task_edge', '');

-- Of the canvases that a role may see, without the values.
CREATE VIEW celeriac_seen_edge WITH (security_barrier) AS
	SELECT e.source, e.target, e.slot FROM task_edge e
	WHERE EXISTS (SELECT FROM task_state s WHERE s.id = e.target);
COMMENT ON VIEW celeriac_seen_edge IS
	'task_edge as far as the role may see its tasks. Call task_graph instead.';

CREATE FUNCTION task_send(
	sig task_signature, args jsonb DEFAULT '[]', kwargs jsonb DEFAULT '{}',
	@send: %name %type DEFAULT NULL@,
	id uuid DEFAULT NULL
) RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'task_send_signature';
COMMENT ON FUNCTION task_send(task_signature, jsonb, jsonb, @send: %type@, uuid) IS
	'Sends a signature, whole, as part of this transaction; returns the id whose result is that of the whole: the task''s, that of a chain''s last task, of a group, of a chord''s body. Celery: apply_async. args are put before those of the first task, or of each task of a group; the options go to the same.';

CREATE FUNCTION task_children(id uuid) RETURNS SETOF uuid
	LANGUAGE sql STABLE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	SELECT c.id FROM (
		SELECT s.id, s.sent_at, 0 AS slot FROM task_state s WHERE s.parent_id = $1
		UNION
		SELECT s.id, s.sent_at, e.slot FROM celeriac_seen_edge e
			JOIN task_state s ON s.id = e.source
			WHERE e.target = $1
				AND (SELECT g.name = 'celeriac.group' FROM task_state g WHERE g.id = $1)
	) c GROUP BY c.id, c.sent_at ORDER BY max(c.slot), c.sent_at, c.id;
END;
COMMENT ON FUNCTION task_children(uuid) IS
	'The tasks that this one sent, or that its end caused; the members of a group, in order; as far as the role may see them. Celery: AsyncResult.children.';

-- All that hangs together with a task, up and down.
CREATE FUNCTION task_graph(
	id uuid, OUT node uuid, OUT name text, OUT state text, OUT source uuid, OUT slot integer
) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	WITH RECURSIVE node(id) AS (
		SELECT $1
		UNION
		SELECT next.id FROM node n, LATERAL (
			SELECT e.target AS id FROM celeriac_seen_edge e WHERE e.source = n.id
			UNION ALL
			SELECT e.source FROM celeriac_seen_edge e WHERE e.target = n.id
		) next
	)
	SELECT s.id, s.name, s.state, e.source, e.slot
	FROM node n JOIN task_state s ON s.id = n.id
		LEFT JOIN celeriac_seen_edge e ON e.target = n.id
	ORDER BY s.sent_at, s.id, e.slot;
END;
COMMENT ON FUNCTION task_graph(uuid) IS
	'The canvas a task belongs to: a row for each task and group and for each of those it waits for; source is NULL where it waits for none.';

CREATE FUNCTION task_dot(id uuid) RETURNS text
	LANGUAGE sql STABLE SET search_path = @extschema@, pg_temp
BEGIN ATOMIC
	WITH graph AS MATERIALIZED (SELECT * FROM task_graph($1)),
	line AS (
		SELECT DISTINCT 0 AS part, g.node, NULL::uuid AS source, 0 AS slot,
			format('    "%s" [label="%s\n%s"];', g.node,
				replace(replace(g.name, '\', '\\'), '"', '\"'), g.state) AS text
		FROM graph g
		UNION ALL
		SELECT 1, g.node, g.source, g.slot, format('    "%s" -> "%s";', g.source, g.node)
		FROM graph g WHERE g.source IS NOT NULL
	)
	SELECT E'digraph canvas {\n' || coalesce(string_agg(l.text, E'\n'
		ORDER BY l.part, l.node, l.slot) || E'\n', '') || '}' FROM line l;
END;
COMMENT ON FUNCTION task_dot(uuid) IS
	'task_graph as text for Graphviz: a node for each task, an arrow for each result that is passed on.';

-- inside a SQL task
CREATE FUNCTION task_replace(sig task_signature) RETURNS jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION task_replace(task_signature) IS
	'Inside a SQL task, as the last thing it does: what it wrote is kept, and the signature takes its place, with its id, its group, its callbacks and whatever waits for it. Returns NULL, to be returned by the function. Celery: return self.replace(sig).';

CREATE FUNCTION task_add_to_chord(sig task_signature) RETURNS uuid
	LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION task_add_to_chord(task_signature) IS
	'Inside a SQL task that is a member of a chord''s header or a group: when the task ends, another member joins, after all others. Returns its id. Celery: self.add_to_chord(sig).';
