/*
 * waitlist.h
 *		Lists of sessions by what they wait for.
 */
#ifndef CELERIAC_SHMEM_WAITLIST_H
#define CELERIAC_SHMEM_WAITLIST_H

#include "base/names.h"

#include "shmem/shmem.h"

extern Size celeriac_waitlist_shmem_size(void);
extern void celeriac_waitlist_shmem_startup(void);

/*
 * None of these allocates or raises errors: they are called from commit and
 * abort callbacks and from exit hooks.
 */

/* be in the list of a key, as this session's wait of that number */
extern void celeriac_waitlist_add(int number, uint64 key);
extern void celeriac_waitlist_remove(int number);
extern uint64 celeriac_waitlist_key(int number);

/*
 * Wake the first that waits for the key, if there is one; wants tells how many
 * tasks it would take.
 */
extern bool celeriac_waitlist_wake(uint64 key, CelWaitKind kind, int *wants);

#endif							/* CELERIAC_SHMEM_WAITLIST_H */
