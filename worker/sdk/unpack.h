/*
 * unpack.h
 *		The arguments of a task, by jansson's formats.
 */
#ifndef CELERIAC_WORKER_SDK_UNPACK_H
#define CELERIAC_WORKER_SDK_UNPACK_H

#include "sdk/sdktask.h"

extern bool sdk_unpack(task *t, const char *args_format, const char *kwargs_format, va_list ap);

#endif							/* CELERIAC_WORKER_SDK_UNPACK_H */
