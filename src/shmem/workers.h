/*
 * workers.h
 *		Slots of workers, by name.
 */
#ifndef CELERIAC_SHMEM_WORKERS_H
#define CELERIAC_SHMEM_WORKERS_H

#include "base/names.h"

extern Size celeriac_workers_shmem_size(void);
extern void celeriac_workers_shmem_startup(void);

/* workers by name: slot, or -1 when the table is full */
extern int	celeriac_worker_slot(const char *name);
extern int	celeriac_require_worker_slot(const char *name); /* or raise */

/* the database has been dropped; the caller holds the lock */
extern void celeriac_workers_forget(Oid dboid);

#endif							/* CELERIAC_SHMEM_WORKERS_H */
