/*
 * sqlmap.h
 *		celeriac.map and celeriac.starmap: a SQL task, called once for each of
 *		many items.
 */
#ifndef CELERIAC_SQLMAP_H
#define CELERIAC_SQLMAP_H

#include "base/names.h"

#include "session/definition.h"
#include "base/delivery.h"

/*
 * The name of the task that says where a message goes and how it ends: its own,
 * for a map that of the task it calls.
 */
extern const char *celeriac_route(const char *name, Jsonb *kwargs);

/* the definition of that */
extern const Definition *celeriac_definition_of(const Delivery *delivery);

/* as celeriac_sqltask_call, whatever the delivery is */
extern Jsonb *celeriac_sqlmap_call(Oid function, const Delivery *delivery);

#endif							/* CELERIAC_SQLMAP_H */
