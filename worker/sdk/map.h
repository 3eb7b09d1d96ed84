/*
 * map.h
 *		The tasks celeriac.map and celeriac.starmap: a task of a module, called
 *		once for each of many items.
 *
 * Used by the children of `celeriac worker` and by the executors inside the
 * server, as sdk.h is.
 */
#ifndef CELERIAC_WORKER_SDK_MAP_H
#define CELERIAC_WORKER_SDK_MAP_H

#include <stdbool.h>

struct SdkHost;
struct SdkInput;
struct SdkOutcome;
struct task_definition;

#define MAP_TASK		"celeriac.map"
#define STARMAP_TASK	"celeriac.starmap"

/* Is this one of the two? */
extern bool map_is(const char *name);

/* The name of the task it calls, to be freed; NULL if it names none. */
extern char *map_task(const char *kwargs);

/*
 * Call the task for one item after the other; the result is the list of
 * results.  The first that does not succeed decides for all.
 */
extern void map_run(const struct SdkHost *host, const struct SdkInput *input,
					const struct task_definition *task, struct SdkOutcome *outcome);

#endif							/* CELERIAC_WORKER_SDK_MAP_H */
