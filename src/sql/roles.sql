-- Roles are the cluster's, the extension a database's: create what is missing,
-- even if another database does so at the same moment.
DO $$
DECLARE
	role_name text;
BEGIN
	FOREACH role_name IN ARRAY ARRAY['celeriac_sender', 'celeriac_worker',
		'celeriac_monitor', 'celeriac_admin']
	LOOP
		BEGIN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
		EXCEPTION WHEN duplicate_object OR unique_violation THEN
			NULL;
		END;
	END LOOP;
	GRANT celeriac_sender, celeriac_worker, celeriac_monitor TO celeriac_admin;
END
$$;
