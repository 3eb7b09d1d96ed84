/*
 * definition.h
 *		Task definitions and queues as this backend remembers them.
 *
 * Both caches are dropped when task_definition or task_queue changes
 * (a trigger on them sends a relation invalidation).
 */
#ifndef CELERIAC_SESSION_DEFINITION_H
#define CELERIAC_SESSION_DEFINITION_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "base/delivery.h"
#include "celeriac/options.h"

typedef struct TextList
{
	int			count;
	char	  **items;
} TextList;

/* What holds an option; NULL in the row is NULL, -1, 0 (there are no others). */
#define DEFINITION_text char *
#define DEFINITION_texts TextList
#define DEFINITION_integer int
#define DEFINITION_boolean bool
#define DEFINITION_float8 double
#define DEFINITION_interval double	/* seconds */

#define DEFINITION_MEMBER(name, kind, definition, unset, send, signature) \
	CELERIAC_DEFINED_##definition(DEFINITION_##kind name;)

typedef struct Definition
{
	char		name[CELERIAC_NAME_LEN];	/* hash key */
	bool		known;			/* has a row in task_definition */
	bool		inside;			/* a SQL function, even if it is gone */
	Oid			function;		/* InvalidOid = none, or gone */
				CELERIAC_TASK_OPTIONS(DEFINITION_MEMBER)
} Definition;

extern void celeriac_definition_init(void);

/* never NULL: an unknown name gets the built-in defaults; inside enter/leave */
extern const Definition *celeriac_definition(const char *name);

/* where its tasks go when the sender names no queue */
extern const char *celeriac_definition_queue(const Definition *definition);

typedef struct QueueInfo
{
	char		name[CELERIAC_QUEUE_LEN];	/* hash key */
	bool		known;			/* may be fetched from */
	bool		stored;			/* has a row in task_queue */
	bool		paused;
} QueueInfo;

extern const QueueInfo *celeriac_queue(const char *name);
/* raises unless it may be fetched from */
extern void celeriac_require_queue(const char *name);

/* create the queue if it is unknown; raises on a bad name */
extern void celeriac_queue_ensure(const char *name);

/*
 * The name of the task that says where a message goes and how it ends: its own,
 * for a map that of the task it calls.
 */
extern const char *celeriac_defining_name(const char *name, Jsonb *kwargs);

/* the definition of that */
extern const Definition *celeriac_definition_of(const Delivery *delivery);

#endif							/* CELERIAC_SESSION_DEFINITION_H */
