/*
 * uuid.h
 *		Task ids: UUID version 7, so that they grow with time.
 */
#ifndef CELERIAC_BASE_UUID_H
#define CELERIAC_BASE_UUID_H

#include "base/names.h"

extern void celeriac_uuid(pg_uuid_t *id);
extern char *celeriac_uuid_text(const pg_uuid_t *id);

#endif							/* CELERIAC_BASE_UUID_H */
