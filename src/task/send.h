/*
 * send.h
 *		Putting a task into task_message.
 */
#ifndef CELERIAC_TASK_SEND_H
#define CELERIAC_TASK_SEND_H

#include "base/names.h"

#endif							/* CELERIAC_TASK_SEND_H */
