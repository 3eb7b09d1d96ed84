/*
 * lost.h
 *		Tasks whose worker is gone: leases that are over, lost claims.
 */
#ifndef CELERIAC_PROCESS_LOST_H
#define CELERIAC_PROCESS_LOST_H

#include "base/names.h"

/* duties (duty.h): each returns when it is due again */
extern TimestampTz celeriac_end_leases(void);
extern TimestampTz celeriac_end_lost_claims(void);
extern TimestampTz celeriac_end_unacked(void);

#endif							/* CELERIAC_PROCESS_LOST_H */
