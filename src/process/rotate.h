/*
 * rotate.h
 *		The coordinator's care of segments: which one takes new rows, and
 *		emptying those that are done with.
 */
#ifndef CELERIAC_PROCESS_ROTATE_H
#define CELERIAC_PROCESS_ROTATE_H

#include "base/names.h"

/* in transactions of their own; when to look again */
extern TimestampTz celeriac_rotate_messages(void);
extern TimestampTz celeriac_rotate_results(void);

#endif							/* CELERIAC_PROCESS_ROTATE_H */
