/*
 * blackbox.h
 *		What each executor was running when the server went down.
 */
#ifndef CELERIAC_PROCESS_BLACKBOX_H
#define CELERIAC_PROCESS_BLACKBOX_H

#include "base/names.h"

extern Size celeriac_blackbox_shmem_size(void);
extern void celeriac_blackbox_shmem_startup(void);

/* an executor's: open it once, then note each task it begins and ends */
extern void celeriac_blackbox_open(void);
extern void celeriac_blackbox_begin(const pg_uuid_t *id);
extern void celeriac_blackbox_end(void);

/*
 * The tasks of this database that ended the server's last life, each told
 * once; palloc'd.
 */
extern pg_uuid_t *celeriac_blackbox_crashed(int *count);

#endif							/* CELERIAC_PROCESS_BLACKBOX_H */
