-- The state machine is a table in C (src/base/state.c); triggers enforce it.

CREATE FUNCTION celeriac_transitions(OUT from_state text, OUT to_state text, OUT event text)
	RETURNS SETOF record
	LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION celeriac_transitions() IS
	'The legal changes of a task''s state, and the event each announces.';

CREATE VIEW task_transition AS
	SELECT from_state, to_state, event FROM celeriac_transitions();
COMMENT ON VIEW task_transition IS
	'The legal changes of a task''s state; * stands for the custom states.';

CREATE FUNCTION celeriac_message_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION celeriac_result_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION celeriac_definition_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME';
CREATE FUNCTION celeriac_queue_changed() RETURNS trigger
	LANGUAGE c AS 'MODULE_PATHNAME';

CREATE TRIGGER celeriac_state BEFORE INSERT OR UPDATE ON task_message
	FOR EACH ROW EXECUTE FUNCTION celeriac_message_changed();
CREATE TRIGGER celeriac_state BEFORE INSERT OR UPDATE ON task_result
	FOR EACH ROW EXECUTE FUNCTION celeriac_result_changed();
DO $$
DECLARE
	segment regclass;
BEGIN
	FOR segment IN
		SELECT inhrelid FROM pg_inherits WHERE inhparent = 'task_message'::regclass
	LOOP
		EXECUTE format('CREATE TRIGGER celeriac_state BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION celeriac_message_changed()', segment);
	END LOOP;
	FOR segment IN
		SELECT inhrelid FROM pg_inherits WHERE inhparent = 'task_result'::regclass
	LOOP
		EXECUTE format('CREATE TRIGGER celeriac_state BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION celeriac_result_changed()', segment);
	END LOOP;
END
$$;
CREATE TRIGGER celeriac_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON task_definition
	FOR EACH STATEMENT EXECUTE FUNCTION celeriac_definition_changed();
CREATE TRIGGER celeriac_cache AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON task_queue
	FOR EACH STATEMENT EXECUTE FUNCTION celeriac_definition_changed();
CREATE TRIGGER celeriac_wake BEFORE UPDATE ON task_queue
	FOR EACH ROW WHEN (OLD.paused AND NOT NEW.paused)
	EXECUTE FUNCTION celeriac_queue_changed();
