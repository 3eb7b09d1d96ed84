/*
 * database.h
 *		The database of this backend, or another: its slot, and who is woken for
 *		it.
 */
#ifndef CELERIAC_SHMEM_DATABASE_H
#define CELERIAC_SHMEM_DATABASE_H

#include "base/names.h"

#include "shmem/shmem.h"

/* this backend's database; created on first use, never NULL */
extern CelDatabase *celeriac_my_database(void);
/* that database's slot, or NULL; the caller holds CelShared->lock */
extern CelDatabase *celeriac_find_database(Oid dboid);

/* false while workers may still report what they run, after a restart */
extern bool celeriac_dispatch_allowed(void);
extern void celeriac_wake_launcher(void);
extern void celeriac_wake_coordinator(CelDatabase *db);
/* only to see whether another executor is worth it */
extern void celeriac_ask_for_executor(CelDatabase *db);

#endif							/* CELERIAC_SHMEM_DATABASE_H */
