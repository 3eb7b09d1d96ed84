/*
 * outcome.h
 *		Outcomes as workers report them.
 */
#ifndef CELERIAC_FINISH_OUTCOME_H
#define CELERIAC_FINISH_OUTCOME_H

#include "base/names.h"

#include "base/delivery.h"

/*
 * Apply them, in one go, with what their tasks sent; between enter and leave.
 * Returns how many were accepted.
 */
extern int	celeriac_outcomes_apply(const char *worker, Outcome *outcomes, int count);

#endif							/* CELERIAC_FINISH_OUTCOME_H */
