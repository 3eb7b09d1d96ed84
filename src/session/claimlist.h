/*
 * claimlist.h
 *		What a transaction claimed: part of xact.c.
 */
#ifndef CELERIAC_SESSION_CLAIMLIST_H
#define CELERIAC_SESSION_CLAIMLIST_H

#include "base/names.h"

#include "session/xactlist.h"

extern XactList celeriac_claimed_list;

/* a claim taken here: given back if this (sub)transaction aborts; its number */
extern int	celeriac_xact_claimed(const pg_uuid_t *id, bool transient,
								  const char *queue, int priority, int64 ready);
/* has this transaction taken that claim, and not given it back? */
extern bool celeriac_xact_holds(const pg_uuid_t *id);
/* where the message of such a claim is, if that was not known then */
extern void celeriac_xact_claim_place(const pg_uuid_t *id, const char *queue,
									  int priority, int64 ready);
/* room for one claim, so that none is taken which cannot be listed */
extern void celeriac_xact_reserve_claim(void);
/* by its number; only in the subtransaction that took it */
extern void celeriac_xact_unclaim(int number);

/* These allocate nothing and raise no error. */

/*
 * A claim that this subtransaction, or a later one, took is given up: it, and
 * where its message was, can be found again.  True if that is not known of one.
 */
extern bool celeriac_claimlist_undo(SubTransactionId since);
/* the transaction has committed: claims that were to last as long end */
extern void celeriac_claimlist_release(void);
/* items were dropped from the end of the list */
extern void celeriac_claimlist_cut(void);
/* the transaction ends, and its memory with it */
extern void celeriac_claimlist_forget(void);

#endif							/* CELERIAC_SESSION_CLAIMLIST_H */
