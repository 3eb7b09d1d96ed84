/*
 * delivery.c
 *		A task handed to a worker, and what became of it.
 */
#include "base/delivery.h"

#include "sdk/states.h"

void
celeriac_outcome_init(Outcome *outcome, const pg_uuid_t *id, OutcomeState state,
					  const char *exc_type, const char *exc_message)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->id = *id;
	outcome->state = state;
	outcome->exc_type = exc_type;
	outcome->exc_message = exc_message;
	outcome->countdown = -1;
}
