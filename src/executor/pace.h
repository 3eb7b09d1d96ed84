/*
 * pace.h
 *		How long tasks took lately, by name.
 */
#ifndef CELERIAC_EXECUTOR_PACE_H
#define CELERIAC_EXECUTOR_PACE_H

#include "base/names.h"

/* How many tasks share a transaction at most. */
#define MAX_SHARE		1024

extern void celeriac_pace_init(void);
extern void celeriac_pace_note(const char *name, TimestampTz started_at);

/* Did tasks of this name take little time so far? */
extern bool celeriac_pace_is_short(const char *name);

/* how many tasks it is worth to have in hand */
extern int	celeriac_pace_budget(void);

#endif							/* CELERIAC_EXECUTOR_PACE_H */
