\echo Use "CREATE EXTENSION celeriac" to load this file. \quit

-- Nothing below may find an object of somebody else's schema first.
SET LOCAL search_path TO @extschema@, pg_catalog, pg_temp;
