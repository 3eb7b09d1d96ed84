/*
 * children.h
 *		Signatures that arrive with the outcome of the task that sent them.
 */
#ifndef CELERIAC_CHILDREN_H
#define CELERIAC_CHILDREN_H

#include "base/names.h"

#include "base/delivery.h"

/*
 * What a task sent (the SDK's list, NULL = nothing) becomes part of its
 * outcome; raises an error for what is no signature.
 */
extern void celeriac_children_read(Outcome *outcome, Jsonb *sent);

/* celeriac_finish, and what accepted tasks sent is sent in its transaction */
extern int	celeriac_children_finish(const char *worker, Outcome *outcomes, int count);

#endif							/* CELERIAC_CHILDREN_H */
