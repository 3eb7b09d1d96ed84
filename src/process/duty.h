/*
 * duty.h
 *		What a coordinator does when it wakes: due, lost, expired, old.
 */
#ifndef CELERIAC_PROCESS_DUTY_H
#define CELERIAC_PROCESS_DUTY_H

#include "base/names.h"

/* everything that is due, each duty in its own transaction; when to look again */
extern TimestampTz celeriac_duty_run(void);
/* how many tasks wait in the executors' queues: is another executor worth it? */
extern bool celeriac_duty_executors_needed(void);

#endif							/* CELERIAC_PROCESS_DUTY_H */
