\echo Use "CREATE EXTENSION celeriac" to load this file. \quit

-- Nothing below may find somebody else's object first: pg_catalog, not named, is
-- searched before the extension's schema, in which others may create operators.
SET LOCAL search_path TO @extschema@, pg_temp;
