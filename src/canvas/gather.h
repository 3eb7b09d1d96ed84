/*
 * gather.h
 *		Groups: members counted down, results gathered, the group ended.
 */
#ifndef CELERIAC_CANVAS_GATHER_H
#define CELERIAC_CANVAS_GATHER_H

#include "base/names.h"

#include "nodes/pg_list.h"

/* members that ended and whose result is not kept: keep it for their group */
extern void celeriac_keep_values(List *steps);
/* count their groups down; returns the groups that are complete now, as steps */
extern List *celeriac_count_down(List *steps);
/* end groups that are complete; returns them as the steps of the next round */
extern List *celeriac_end_groups(List *complete);

#endif							/* CELERIAC_CANVAS_GATHER_H */
