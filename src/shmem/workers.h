/*
 * workers.h
 *		Slots of workers, by name.
 */
#ifndef CELERIAC_SHMEM_WORKERS_H
#define CELERIAC_SHMEM_WORKERS_H

#include "base/names.h"

/* workers by name: slot, or -1 when the table is full */
extern int	celeriac_worker_slot(const char *name);
extern int	celeriac_require_worker_slot(const char *name); /* or raise */

#endif							/* CELERIAC_SHMEM_WORKERS_H */
