/*
 * host.c
 *		What the host of a running task gives to it, and gets.
 */
#include "sdk/host.h"

#include <stdlib.h>
#include <string.h>

void
sdk_outcome_free(SdkOutcome *outcome)
{
	/* results come from jansson's allocator, which is malloc unless replaced */
	free(outcome->result);
	free(outcome->sent);
	free(outcome->exc_type);
	free(outcome->exc_message);
	memset(outcome, 0, sizeof(*outcome));
}

OutcomeState
sdk_outcome_state(const SdkOutcome *outcome)
{
	static const OutcomeState states[] = {
		[TASK_SUCCESS] = OUTCOME_SUCCESS,
		[TASK_FAILURE] = OUTCOME_FAILURE,
		[TASK_RETRY] = OUTCOME_RETRY,
		[TASK_REJECT] = OUTCOME_REJECTED,
		[TASK_IGNORE] = OUTCOME_IGNORED,
		[TASK_REVOKED] = OUTCOME_REVOKED,
		[TASK_REPLACED] = OUTCOME_REPLACED,
	};

	if (outcome->status == TASK_REJECT && outcome->requeue)
		return OUTCOME_PENDING;
	return states[outcome->status];
}
