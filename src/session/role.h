/*
 * role.h
 *		Roles and what they may do.
 */
#ifndef CELERIAC_SESSION_ROLE_H
#define CELERIAC_SESSION_ROLE_H

#include "base/names.h"

/* rights of the calling role */
extern bool celeriac_sees_all(Oid role);	/* monitor, admin, superuser */
extern bool celeriac_is_admin(Oid role);
extern bool celeriac_is_worker(Oid role);
extern char *celeriac_role_name(Oid role);

#endif							/* CELERIAC_SESSION_ROLE_H */
