/*
 * decide.h
 *		What becomes of a task, by its outcome and its row.
 */
#ifndef CELERIAC_FINISH_DECIDE_H
#define CELERIAC_FINISH_DECIDE_H

#include "base/names.h"

#include "finish/ending.h"

/* sets action, and what goes with it */
extern void celeriac_decide(Ending *item);

#endif							/* CELERIAC_FINISH_DECIDE_H */
