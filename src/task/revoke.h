/*
 * revoke.h
 *		How a worker is told what to stop.
 */
#ifndef CELERIAC_TASK_REVOKE_H
#define CELERIAC_TASK_REVOKE_H

#include "base/names.h"

#include "task/result.h"

extern bool celeriac_claim_to_revoke(const pg_uuid_t *id);
extern void celeriac_require_right_to_revoke(const pg_uuid_t *id, Oid role, TaskStatus *status);
extern bool celeriac_revoke_held(const pg_uuid_t *id, bool terminate, const char *signal);
extern bool celeriac_revoke_one(const pg_uuid_t *id, Oid role, bool terminate, const char *signal);
extern const char *celeriac_signal_name(const char *name);
extern void celeriac_wait_for_decider(const pg_uuid_t *id);

#endif							/* CELERIAC_TASK_REVOKE_H */
