/*
 * sdk.h
 *		Running one task written against celeriac/task.h.
 *
 * Used by the children of `celeriac worker` and by the executors inside the
 * server, so nothing here exits, prints, handles signals or keeps state
 * between two calls.  It allocates with malloc; a host that unwinds by longjmp
 * must not do so from its callbacks.
 */
#ifndef CELERIAC_WORKER_SDK_SDK_H
#define CELERIAC_WORKER_SDK_SDK_H

#include "sdk/host.h"

/*
 * Run the function and say what came of it.  Never fails: whatever goes wrong
 * (no memory, a result that is no JSON) is a FAILURE of the task.
 */
extern void sdk_run(const SdkHost *host, const SdkInput *input,
					task_function run, SdkOutcome *outcome);

#endif							/* CELERIAC_WORKER_SDK_SDK_H */
