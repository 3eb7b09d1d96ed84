/*
 * children.h
 *		Signatures that arrive with the outcome of the task that sent them.
 */
#ifndef CELERIAC_FINISH_CHILDREN_H
#define CELERIAC_FINISH_CHILDREN_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "base/delivery.h"

/*
 * What a task sent (the SDK's list, NULL = nothing) becomes part of its
 * outcome; raises an error for what is no signature.
 */
extern void celeriac_children_read(Outcome *outcome, Jsonb *sent);

/* Whose children they are: read before the messages of the tasks are gone. */
typedef struct Parents Parents;
extern Parents *celeriac_children_parents(const Outcome *outcomes, int count);

/* once the outcomes are written: what accepted tasks sent is sent */
extern void celeriac_children_send(Parents *parents, const Outcome *outcomes,
								   int count);

#endif							/* CELERIAC_FINISH_CHILDREN_H */
