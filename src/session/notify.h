/*
 * notify.h
 *		Events sent by NOTIFY, several in one.
 */
#ifndef CELERIAC_SESSION_NOTIFY_H
#define CELERIAC_SESSION_NOTIFY_H

#include "base/names.h"

#define CELERIAC_EVENT_CHANNEL	"task_event"
/* pack the collected events into as few NOTIFY as fit; before commit only */
extern void celeriac_event_send(char *const *events, int count);

#endif							/* CELERIAC_SESSION_NOTIFY_H */
