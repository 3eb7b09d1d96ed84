/*
 * block.h
 *		Which databases our processes must stay out of.
 */
#ifndef CELERIAC_PROCESS_BLOCK_H
#define CELERIAC_PROCESS_BLOCK_H

#include "base/names.h"

/* those of ours in that database end, or its executors within the time */
extern void celeriac_process_terminate(Oid dboid);
extern bool celeriac_process_stop_executors(Oid dboid, long timeout_ms);

/* for a session that needs a database without us, until its transaction ends */
extern void celeriac_process_block(Oid dboid);
extern void celeriac_process_unblock(void);

#endif							/* CELERIAC_PROCESS_BLOCK_H */
