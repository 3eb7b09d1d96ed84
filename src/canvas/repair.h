/*
 * repair.h
 *		The coordinator's look through canvases.
 */
#ifndef CELERIAC_CANVAS_REPAIR_H
#define CELERIAC_CANVAS_REPAIR_H

#include "base/names.h"

/* a duty: returns when it is due again */
extern TimestampTz celeriac_repair(void);

#endif							/* CELERIAC_CANVAS_REPAIR_H */
