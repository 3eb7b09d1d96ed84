/*
 * role.c
 *		Roles and what they may do.
 */
#include "session/role.h"

#include "miscadmin.h"
#include "utils/acl.h"

/* A role of ours, by name: it may have been dropped and created again. */
static bool
has_role(Oid role, const char *name)
{
	Oid			ours = get_role_oid(name, true);

	return OidIsValid(ours) && has_privs_of_role(role, ours);
}

bool
celeriac_is_admin(Oid role)
{
	return superuser_arg(role) || has_role(role, "celeriac_admin");
}

bool
celeriac_is_worker(Oid role)
{
	return celeriac_is_admin(role) || has_role(role, "celeriac_worker");
}

bool
celeriac_sees_all(Oid role)
{
	return celeriac_is_admin(role) || has_role(role, "celeriac_monitor");
}

char *
celeriac_role_name(Oid role)
{
	return GetUserNameFromId(role, false);
}
