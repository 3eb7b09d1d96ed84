/*
 * readylist.h
 *		What a transaction made ready: part of xact.c.
 */
#ifndef CELERIAC_SESSION_READYLIST_H
#define CELERIAC_SESSION_READYLIST_H

#include "base/names.h"

#include "session/xactlist.h"

extern XactList celeriac_ready_list;

/* a message with this order became ready; step = it waited for another task */
extern void celeriac_xact_ready(const char *queue, int priority, int64 ready,
								bool step);
/* one of those was claimed by this transaction itself */
extern void celeriac_xact_taken(const char *queue, int priority, int64 ready);
/* the queue is paused, or not any more: its waiters look again */
extern void celeriac_xact_queue_changed(const char *queue);

/* did it make nothing ready but next steps of canvases, and did nobody take all? */
extern bool celeriac_readylist_next_steps(void);

/* These allocate nothing and raise no error. */

/* a subtransaction has ended well: what it made ready is its parent's */
extern void celeriac_readylist_hand_up(SubTransactionId subid, SubTransactionId parent);
/* or not: what it made ready is not */
extern void celeriac_readylist_undo(SubTransactionId subid);
/* the transaction has committed: positions are pushed back, waiters woken */
extern void celeriac_readylist_publish(void);

#endif							/* CELERIAC_SESSION_READYLIST_H */
