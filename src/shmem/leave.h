/*
 * leave.h
 *		What is cleaned in shared memory when a session ends, or a database.
 */
#ifndef CELERIAC_SHMEM_LEAVE_H
#define CELERIAC_SHMEM_LEAVE_H

#include "base/names.h"

extern void celeriac_leave_init(void);

/* it has been dropped */
extern void celeriac_forget_database(Oid dboid);

#endif							/* CELERIAC_SHMEM_LEAVE_H */
