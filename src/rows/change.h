/*
 * change.h
 *		Triggers on messages and results: what a row says from now on.
 */
#ifndef CELERIAC_ROWS_CHANGE_H
#define CELERIAC_ROWS_CHANGE_H

#include "base/names.h"

#include "base/row.h"

/* What the triggers do for a new row, for an insert that calls no triggers. */
extern void celeriac_message_stored(const Row *row);
extern void celeriac_result_stored(const Row *row);

#endif							/* CELERIAC_ROWS_CHANGE_H */
