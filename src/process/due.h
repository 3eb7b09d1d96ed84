/*
 * due.h
 *		Time: delayed tasks, expired ones, old results.
 */
#ifndef CELERIAC_PROCESS_DUE_H
#define CELERIAC_PROCESS_DUE_H

#include "base/names.h"

/* duties (duty.h): each returns when it is due again */
extern TimestampTz celeriac_make_due(void);
extern TimestampTz celeriac_end_expired(void);
extern TimestampTz celeriac_remove_old_results(void);

#endif							/* CELERIAC_PROCESS_DUE_H */
