/*
 * readylist.h
 *		What a transaction made ready: part of xact.c.
 */
#ifndef CELERIAC_READYLIST_H
#define CELERIAC_READYLIST_H

#include "celeriac.h"

#include "xactlist.h"

extern XactList celeriac_ready_list;

/* did it make nothing ready but next steps of canvases, and did nobody take all? */
extern bool celeriac_readylist_next_steps(void);

/* These allocate nothing and raise no error. */

/* a subtransaction has ended well: what it made ready is its parent's */
extern void celeriac_readylist_hand_up(SubTransactionId subid, SubTransactionId parent);
/* or not: what it made ready is not */
extern void celeriac_readylist_undo(SubTransactionId subid);
/* the transaction has committed: positions are pushed back, waiters woken */
extern void celeriac_readylist_publish(void);

#endif							/* CELERIAC_READYLIST_H */
