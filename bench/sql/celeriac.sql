-- Celeriac, and the cheapest SQL task there is.

CREATE EXTENSION celeriac;

CREATE FUNCTION noop() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
SELECT task_register('noop()'::regprocedure);
