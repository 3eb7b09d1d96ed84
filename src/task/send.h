/*
 * send.h
 *		Putting a task into task_message.
 */
#ifndef CELERIAC_SEND_H
#define CELERIAC_SEND_H

#include "base/names.h"

#endif							/* CELERIAC_SEND_H */
