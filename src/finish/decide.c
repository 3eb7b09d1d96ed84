/*
 * decide.c
 *		What becomes of a task, by its outcome and its row.
 */
#include "finish/decide.h"

#include "base/check.h"
#include "base/condition.h"
#include "base/delivery.h"
#include "base/json.h"
#include "base/uuid.h"
#include "canvas/graft.h"
#include "finish/ending.h"
#include "finish/retry.h"
#include "rows/message.h"
#include "sdk/states.h"
#include "session/definition.h"

static void
end_as(Ending *item, OutcomeState state, const char *exc_type, const char *message)
{
	item->action = ACTION_END;
	item->outcome->state = state;
	item->outcome->result = NULL;
	item->outcome->exc_type = exc_type;
	item->outcome->exc_message = message;
}

static bool
retries_left(const Delivery *row)
{
	return row->max_retries == CELERIAC_NO_LIMIT || row->retries < row->max_retries;
}

static void
plan_retry(Ending *item)
{
	Outcome    *o = item->outcome;
	double		delay = o->countdown;

	if (delay < 0)
		delay = celeriac_retry_delay(celeriac_definition_of(&item->row),
									 item->row.retries);
	item->action = ACTION_RETRY;
	item->eta = celeriac_time_after(delay);
}

static void
decide_retry(Ending *item)
{
	Outcome    *o = item->outcome;

	if (retries_left(&item->row))
		plan_retry(item);
	else
		end_as(item, OUTCOME_FAILURE,
			   o->exc_type ? o->exc_type : EXC_MAX_RETRIES,
			   o->exc_message ? o->exc_message :
			   psprintf("Can't retry %s[%s] after %d retries", item->row.name,
						celeriac_uuid_text(&o->id), item->row.retries));
}

static void
decide_failure(Ending *item)
{
	const Definition *def = celeriac_definition_of(&item->row);

	item->action = ACTION_END;
	if (retries_left(&item->row) &&
		celeriac_autoretry_matches(item->outcome->exc_type, def->autoretry_for.items,
								   def->autoretry_for.count))
		plan_retry(item);
}

/* A poison task is not given to worker after worker for ever. */
static void
decide_lost(Ending *item)
{
	int			max_deliveries = celeriac_definition_of(&item->row)->max_deliveries;
	double		lost = 0;
	bool		late = !celeriac_acks_early(&item->row);

	(void) celeriac_option_number(item->row.options, "lost", &lost);
	item->lost = (int) Max(0, Min(lost, max_deliveries)) + 1;
	if (item->outcome->not_begun && late)
	{
		item->action = ACTION_REQUEUE;
		item->lost = 0;
	}
	else if (!late)
		end_as(item, OUTCOME_FAILURE, EXC_WORKER_LOST,
			   "the worker was lost while the task ran; acks_late is false, so it is not run again");
	else if (item->lost >= max_deliveries)
		end_as(item, OUTCOME_FAILURE, EXC_WORKER_LOST,
			   psprintf("the task lost its worker %d times", item->lost));
	else
		item->action = ACTION_REQUEUE;
}

/* Outside of SQL tasks nobody has looked at the signature yet. */
static void
decide_replaced(Ending *item)
{
	const char *error = celeriac_graph_refusal(item->outcome->result);

	item->action = ACTION_REPLACE;
	if (error != NULL)
		end_as(item, OUTCOME_FAILURE, EXC_IMPROPERLY_CONFIGURED, error);
}

/* All but a success, which needs no row. */
static void
decide_by_row(Ending *item)
{
	switch (item->outcome->state)
	{
		case OUTCOME_FAILURE:
			decide_failure(item);
			break;
		case OUTCOME_RETRY:
			decide_retry(item);
			break;
		case OUTCOME_PENDING:
			item->action = ACTION_REQUEUE;
			break;
		case OUTCOME_LOST:
			decide_lost(item);
			break;
		case OUTCOME_REPLACED:
			decide_replaced(item);
			break;
		case OUTCOME_SUCCESS:
		case OUTCOME_REVOKED:
		case OUTCOME_REJECTED:
		case OUTCOME_IGNORED:
			break;
	}
	if (item->revoked && item->action != ACTION_END && item->action != ACTION_REFUSE)
		end_as(item, OUTCOME_REVOKED, EXC_REVOKED, REVOKED_PLAIN);
}

void
celeriac_decide(Ending *item)
{
	item->action = ACTION_END;
	if (item->hold == HOLD_NONE)
		item->action = ACTION_REFUSE;
	else if (item->outcome->state == OUTCOME_SUCCESS)
		return;
	else if (!item->have_row)
		item->action = ACTION_REFUSE;
	else
		decide_by_row(item);
}
