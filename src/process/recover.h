/*
 * recover.h
 *		What the last life of the server left.
 */
#ifndef CELERIAC_PROCESS_RECOVER_H
#define CELERIAC_PROCESS_RECOVER_H

#include "base/names.h"

/* once after the coordinator's start, before dispatch is allowed */
extern void celeriac_duty_recover(void);

/* the duty that ends the grace for workers to attach */
extern TimestampTz celeriac_end_attaching(void);

#endif							/* CELERIAC_PROCESS_RECOVER_H */
