/*
 * settle.h
 *		What was decided is written.
 */
#ifndef CELERIAC_FINISH_SETTLE_H
#define CELERIAC_FINISH_SETTLE_H

#include "base/names.h"

#include "finish/ending.h"

/* returns how many ended; what follows from that is done */
extern int	celeriac_write_ended(Ending **sorted, int count, const char *worker);
extern void celeriac_write_retries(Ending **sorted, int count);
extern void celeriac_write_requeued(Ending **sorted, int count);

#endif							/* CELERIAC_FINISH_SETTLE_H */
