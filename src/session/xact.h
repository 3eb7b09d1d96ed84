/*
 * xact.h
 *		What a transaction did that must be told, or undone, at its end.
 *
 * Everything is allocated while the transaction runs, so that the commit
 * callback, which may not raise an error, only walks lists.  Entries carry
 * the subtransaction that made them and die with it.
 */
#ifndef CELERIAC_SESSION_XACT_H
#define CELERIAC_SESSION_XACT_H

#include "base/names.h"

extern void celeriac_xact_init(void);

/* did it make nothing ready but next steps of canvases, and did nobody take all? */
extern bool celeriac_xact_next_steps(void);
/* a message will be due then: the coordinator must not sleep longer */
extern void celeriac_xact_due(TimestampTz when);
/* a task ended: wake those who wait for its result */
extern void celeriac_xact_done(const pg_uuid_t *id);
/* a claim to be given back once this transaction has committed */
extern void celeriac_xact_release(const pg_uuid_t *id, uint64 serial);
/*
 * Asks the holder of a claim to stop (celeriac_claim_revoke), which is undone if
 * this (sub)transaction aborts; an executor is signalled when it has committed.
 */
struct Claim;
extern bool celeriac_xact_revoke(const pg_uuid_t *id, const char *signal,
								 struct Claim *claim);
/* a worker's row says now that it is online, or not */
extern void celeriac_xact_registered(int worker, bool registered);
/* the extension was created or dropped, or its workers must look again */
extern void celeriac_xact_recheck_database(void);

/* events, collected here and sent before commit (notify.c) */
extern void celeriac_xact_event(const char *json);
extern void celeriac_xact_listen(bool listen);

#endif							/* CELERIAC_SESSION_XACT_H */
