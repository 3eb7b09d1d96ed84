/*
 * session.h
 *		This backend's slot.
 */
#ifndef CELERIAC_SHMEM_SESSION_H
#define CELERIAC_SHMEM_SESSION_H

#include "base/names.h"

#include "shmem/shmem.h"

/* this backend's session; registers the exit hook on first use */
extern CelSession *celeriac_my_session(void);
extern bool celeriac_has_session(void);

/* what to clean when a session ends: one function, set at start-up */
typedef void (*SessionLeave) (CelSession *session);
extern void celeriac_session_init(SessionLeave leave);

/* this session speaks for that worker, -1 = for none */
extern void celeriac_session_set_worker(int worker);

/* interrupts the executor in this slot, if it still runs this task; no error */
extern void celeriac_cancel_executor(int slot, const pg_uuid_t *id);

#endif							/* CELERIAC_SHMEM_SESSION_H */
