\set ECHO none
--
-- What the regression tests of canvases begin with: how errors are shown, the
-- extension, and canvases as short text: tasks by name, (a | b) a chain, [a, b]
-- a group, ! immutable.
--
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS celeriac;
CREATE SCHEMA IF NOT EXISTS canvas;
RESET client_min_messages;
SET search_path = canvas, public;

CREATE OR REPLACE FUNCTION show_options(options jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN coalesce((
		SELECT string_agg(CASE
			WHEN key IN ('link', 'link_error') THEN CASE key WHEN 'link' THEN ' ->' ELSE ' x>' END
				|| (SELECT '{' || string_agg(show(e), ', ' ORDER BY n) || '}' FROM jsonb_array_elements(value) WITH ORDINALITY AS l (e, n))
			ELSE format(' %s=%s', key, value) END, '' ORDER BY key)
		FROM jsonb_each(options)), '');
END $$;

CREATE OR REPLACE FUNCTION show_all(list jsonb, separator text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN coalesce((SELECT string_agg(show(e), separator ORDER BY n) FROM jsonb_array_elements(list) WITH ORDINALITY AS l (e, n)), '');
END $$;

CREATE OR REPLACE FUNCTION show(s jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	k jsonb := s -> 'kwargs';
	given text := (SELECT string_agg(value::text, ', ') FROM jsonb_array_elements(s -> 'args'));
BEGIN
	RETURN CASE s ->> 'task'
		WHEN 'celery.chain' THEN '(' || show_all(k -> 'tasks', ' | ') || ')'
		WHEN 'celery.group' THEN '[' || show_all(k -> 'tasks', ', ') || ']'
		WHEN 'celery.chord' THEN format('chord(%s, %s)', CASE jsonb_typeof(k -> 'header')
			WHEN 'array' THEN '[' || show_all(k -> 'header', ', ') || ']' ELSE show(k -> 'header') END, show(k -> 'body'))
		ELSE s ->> 'task' END
		|| coalesce('(' || given || ')', '')
		|| CASE WHEN s ->> 'task' NOT IN ('celery.chain', 'celery.group', 'celery.chord') AND k <> '{}' THEN k::text ELSE '' END
		|| CASE WHEN (s -> 'immutable')::boolean THEN '!' ELSE '' END
		|| show_options(s -> 'options');
END $$;

CREATE OR REPLACE FUNCTION show(s task_signature) RETURNS text LANGUAGE sql AS $$ SELECT show(s::jsonb) $$;

-- what would be sent
CREATE OR REPLACE FUNCTION sent(s task_signature, args jsonb DEFAULT NULL, kwargs jsonb DEFAULT NULL, options jsonb DEFAULT NULL)
RETURNS text LANGUAGE sql AS $$ SELECT show(celeriac_canvas_prepared(s, args, kwargs, options)) $$;
\set a 'task_s(''a'')'
\set b 'task_s(''b'')'
\set c 'task_s(''c'')'
\set d 'task_s(''d'')'
\set e 'task_s(''e'')'
\set cb 'task_s(''cb'')'
\set eb 'task_s(''eb'')'
\set ECHO all
