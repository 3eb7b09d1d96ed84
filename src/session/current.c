/*
 * current.c
 *		The task that this process is running.
 */
#include "session/current.h"

#include "base/delivery.h"

const Delivery *celeriac_current_task = NULL;
