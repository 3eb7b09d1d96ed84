/*
 * retry.h
 *		How long to wait before a task is tried again.
 */
#ifndef CELERIAC_FINISH_RETRY_H
#define CELERIAC_FINISH_RETRY_H

#include "base/names.h"

#include "session/definition.h"

/* seconds; retries = how often it was tried again so far */
extern double celeriac_retry_delay(const Definition *definition, int retries);

#endif							/* CELERIAC_FINISH_RETRY_H */
