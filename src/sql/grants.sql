-- Who may do what, all of it.  Functions written in C and those marked SECURITY
-- DEFINER act with the owner's rights, so the right to call them is the gate.

-- Whatever default privileges have given away is taken back: who may insert a
-- message says in whose name it runs.
DO $$
DECLARE
	object record;
BEGIN
	FOR object IN
		WITH member AS (
			SELECT d.classid, d.objid FROM pg_depend d
			WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
				AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'celeriac')
		)
		SELECT 'ROUTINE' AS kind, p.oid::regprocedure::text AS name, a.grantee
		FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
			CROSS JOIN aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
		WHERE a.grantee <> p.proowner
		UNION
		SELECT 'TABLE', c.oid::regclass::text, a.grantee
		FROM member JOIN pg_class c ON c.oid = objid AND classid = 'pg_class'::regclass
			CROSS JOIN aclexplode(c.relacl) a
		WHERE c.relkind IN ('r', 'v', 'S') AND a.grantee <> c.relowner
	LOOP
		EXECUTE format('REVOKE ALL ON %s %s FROM %s', object.kind, object.name,
			CASE WHEN object.grantee = 0 THEN 'PUBLIC'
				ELSE quote_ident(pg_get_userbyid(object.grantee)) END);
	END LOOP;
END
$$;
REVOKE USAGE ON TYPE task_delivery, task_outcome, task_signature FROM PUBLIC;

-- sender: sends, asks, changes what it sent
GRANT USAGE ON TYPE task_signature TO celeriac_sender, celeriac_worker, celeriac_monitor, celeriac_admin;
GRANT SELECT ON task_state, task_transition, celeriac_seen_edge TO celeriac_sender, celeriac_worker, celeriac_monitor, celeriac_admin;
GRANT EXECUTE ON FUNCTION
	celeriac_transitions(), celeriac_sees_all(), celeriac_claim_info(uuid),
	task_signature_in(cstring), task_signature_out(task_signature),
	task_signature_recv(internal), task_signature_send(task_signature),
	celeriac_signature_check(jsonb),
	task_get(uuid, interval, boolean), task_ready(uuid), task_successful(uuid),
	task_failed(uuid), task_children(uuid), task_graph(uuid), task_dot(uuid), celeriac_version()
	TO celeriac_sender, celeriac_worker, celeriac_monitor, celeriac_admin;
GRANT EXECUTE ON FUNCTION
	task_send(text, jsonb, jsonb, @send: %type@, uuid),
	task_send(task_signature, jsonb, jsonb, @send: %type@, uuid),
	task_send_many(text, jsonb[], jsonb, @send: %type@, uuid),
	task_delay(text), task_delay(text, "any"),
	task_s(text), task_s(text, "any"), task_si(text), task_si(text, "any"),
	task_sig(text, jsonb, jsonb, jsonb, boolean),
	task_chain(task_signature[]), task_group(task_signature[]),
	task_chord(task_signature, task_signature), task_chord(task_signature[], task_signature),
	task_map(text, jsonb), task_starmap(text, jsonb), task_chunks(text, jsonb, integer),
	task_set(task_signature, jsonb), task_link(task_signature, task_signature),
	task_on_error(task_signature, task_signature),
	celeriac_canvas_pipe(task_signature, task_signature),
	celeriac_canvas_prepared(task_signature, jsonb, jsonb, jsonb),
	task_stamp(task_signature, jsonb, boolean), celeriac_stamped(jsonb),
	task_revoke_stamped(jsonb, boolean, text),
	task_forget(uuid), task_requeue(uuid),
	task_revoke(uuid, boolean, text), task_revoke(uuid[], boolean, text),
	task_revoke(text, boolean, text),
	task_current(), task_raise_retry(interval, text), task_raise_reject(boolean),
	task_raise_ignore(), task_replace(task_signature), task_add_to_chord(task_signature),
	task_update_state(uuid, text, jsonb)
	TO celeriac_sender, celeriac_worker, celeriac_admin;

-- worker: fetches and finishes tasks of anyone
GRANT USAGE ON TYPE task_delivery, task_outcome TO celeriac_sender, celeriac_worker, celeriac_admin;
GRANT EXECUTE ON FUNCTION
	task_fetch(text, text[], integer, interval, interval),
	task_attach(text, uuid[], integer[]),
	task_finish(text, task_outcome[]), task_finish_sending(text, task_outcome[], jsonb[]),
	task_succeed(uuid, jsonb), task_fail(uuid, text, text, text), task_retry(uuid, interval, text),
	task_reject(uuid, boolean), task_started(text, uuid[], timestamptz[]),
	task_extend(text, uuid[], interval), task_revocation(text, uuid),
	task_heartbeat(text, text[], integer, text, jsonb),
	task_define(text, @definition: %type@, boolean),
	task_queue_create(text)
	TO celeriac_worker, celeriac_admin;
GRANT EXECUTE ON PROCEDURE task_wait(text[], interval, integer) TO celeriac_worker, celeriac_admin;

-- monitor: sees everything
GRANT SELECT ON task_queue, task_definition, task_message, task_result, task_edge, task_worker
	TO celeriac_monitor, celeriac_admin;
GRANT EXECUTE ON FUNCTION celeriac_worker_stats(), celeriac_database_stats(),
	celeriac_current_segments(),
	celeriac_is_claimed(uuid)
	TO celeriac_monitor, celeriac_admin;

-- admin: all of the above, and the rest
GRANT INSERT, UPDATE, DELETE ON task_queue, task_definition TO celeriac_admin;
GRANT EXECUTE ON FUNCTION
	task_register(regprocedure, text, @definition: %type@),
	task_unregister(text), task_queue_pause(text), task_queue_resume(text),
	task_purge(text), task_events_enable(), task_events_disable(), task_events_auto()
	TO celeriac_admin;
