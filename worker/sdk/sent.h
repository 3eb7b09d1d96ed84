/*
 * sent.h
 *		What a task sends: other tasks, and what is to replace it.
 */
#ifndef CELERIAC_WORKER_SDK_SENT_H
#define CELERIAC_WORKER_SDK_SENT_H

#include "sdk/sdktask.h"

extern bool sdk_send(task *t, const char *name, const char *args_format, const char *kwargs_format, va_list ap);
extern bool sdk_send_signature(task *t, const char *signature);
extern bool sdk_add_to_chord(task *t, const char *signature);
extern task_status sdk_replace(task *t, const char *signature);

#endif							/* CELERIAC_WORKER_SDK_SENT_H */
