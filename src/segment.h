/*
 * segment.h
 *		The child tables that hold messages and results, by number.
 *
 * Number 0 is the parent, task_message or task_result, which is never
 * emptied: it holds rows whose ids users gave, and those that outlived their
 * segment.  New rows go to the current segment; any that is not 0 will do.
 */
#ifndef CELERIAC_SEGMENT_H
#define CELERIAC_SEGMENT_H

#include "celeriac.h"

/* as src/sql/tables.sql creates them, and the parent */
#define CEL_MESSAGE_SEGMENTS	4
#define CEL_RESULT_SEGMENTS		5

#endif							/* CELERIAC_SEGMENT_H */
