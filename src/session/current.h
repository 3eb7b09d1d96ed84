/*
 * current.h
 *		The task that this process is running.
 */
#ifndef CELERIAC_SESSION_CURRENT_H
#define CELERIAC_SESSION_CURRENT_H

#include "base/names.h"

#include "base/delivery.h"

/* the SQL task this executor is running (executor.c); NULL elsewhere */
extern const Delivery *celeriac_current_task;

#endif							/* CELERIAC_SESSION_CURRENT_H */
