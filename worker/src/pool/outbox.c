/*
 * outbox.c
 *		Outcomes on their way to the server.
 */
#include "pool/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sdk/shared.h"

#define OUTBOX_BATCH_COUNT	500
#define OUTBOX_BATCH_BYTES	(4 * 1024 * 1024)

/* per link: the server works on one batch while the next one is on its way */
#define OUTBOX_IN_FLIGHT	2

#define OUTBOX_LINKS		2

/* an outcome waits so long for company */
#define OUTBOX_DELAY		(2 * CLOCK_MS)

/* after an error that is not the outcomes' fault */
#define OUTBOX_RETRY		(200 * CLOCK_MS)
#define OUTBOX_RETRY_MAX	(5 * CLOCK_SECOND)

/* What has been tried with an outcome that the server cannot take. */
typedef enum OutcomeForm
{
	FORM_ORIGINAL,
	FORM_FAILURE,				/* a failure with the server's message */
	FORM_BARE					/* a failure with a message of our own */
} OutcomeForm;

typedef struct Outcome
{
	struct Outcome *next;
	Uuid		id;
	int32_t		delivery;
	int			companions;		/* batch it may be in; 1 = alone */
	OutcomeForm form;
	bool		accepted;
	int64_t		made_at;
	size_t		size;
	Report		report;			/* texts point into bytes */
	Text		name;
	char		bytes[];
} Outcome;

typedef struct OutcomeList
{
	Outcome    *first;
	Outcome   **end;
	int			count;
} OutcomeList;

typedef struct Batch
{
	struct Batch *next;			/* of those in flight */
	struct Outbox *outbox;
	int			link;			/* it went through */
	OutcomeList outcomes;
} Batch;

struct Outbox
{
	const char *worker;
	Link	   *links[OUTBOX_LINKS];
	OutcomeList waiting;
	Batch	   *in_flight;
	int			nin_flight[OUTBOX_LINKS];
	int			count;			/* waiting and in flight */
	long		refused;
	int64_t		retry_at;		/* send nothing before */
	int64_t		retry_pause;
	Params		params;			/* scratch */
};

static void
outcome_list_init(OutcomeList *list)
{
	list->first = NULL;
	list->end = &list->first;
	list->count = 0;
}

static void
outcome_list_append(OutcomeList *list, Outcome *outcome)
{
	outcome->next = NULL;
	*list->end = outcome;
	list->end = &outcome->next;
	list->count++;
}

static Outcome *
outcome_list_shift(OutcomeList *list)
{
	Outcome    *outcome = list->first;

	list->first = outcome->next;
	if (list->first == NULL)
		list->end = &list->first;
	list->count--;
	return outcome;
}

static void
outcome_list_prepend(OutcomeList *list, OutcomeList *moved)
{
	if (moved->first == NULL)
		return;
	*moved->end = list->first;
	if (list->first == NULL)
		list->end = moved->end;
	list->first = moved->first;
	list->count += moved->count;
	outcome_list_init(moved);
}

Outbox *
outbox_new(const char *worker, Link *link, Link *second)
{
	Outbox	   *outbox = mem_zalloc(sizeof(Outbox));

	outbox->worker = worker;
	outbox->links[0] = link;
	outbox->links[1] = second;
	outbox->retry_pause = OUTBOX_RETRY;
	outcome_list_init(&outbox->waiting);
	return outbox;
}

void
outbox_free(Outbox *outbox)
{
	while (outbox->waiting.first != NULL)
		free(outcome_list_shift(&outbox->waiting));
	buffer_free(&outbox->params.bytes);
	free(outbox);
}

int
outbox_count(const Outbox *outbox)
{
	return outbox->count;
}

long
outbox_refused(const Outbox *outbox)
{
	return outbox->refused;
}

/*
 * Adding
 */

static Text
outcome_keep(char **room, Text text)
{
	Text		kept = {*room, text.length};

	if (text.data == NULL)
		return TEXT_NULL;
	memcpy(*room, text.data, text.length);
	(*room)[text.length] = '\0';
	*room += text.length + 1;
	return kept;
}

static Outcome *
outcome_new(const Uuid *id, int32_t delivery, Text name, const Report *report)
{
	size_t		size = report->result.length + report->exc_type.length +
		report->exc_message.length + report->traceback.length +
		report->sent.length + name.length + 6;
	Outcome    *outcome = mem_alloc(sizeof(Outcome) + size);
	char	   *room = outcome->bytes;

	memset(outcome, 0, sizeof(Outcome));
	outcome->id = *id;
	outcome->delivery = delivery;
	outcome->companions = OUTBOX_BATCH_COUNT;
	outcome->made_at = clock_mono();
	outcome->size = size;
	outcome->report = *report;
	outcome->report.result = outcome_keep(&room, report->result);
	outcome->report.exc_type = outcome_keep(&room, report->exc_type);
	outcome->report.exc_message = outcome_keep(&room, report->exc_message);
	outcome->report.traceback = outcome_keep(&room, report->traceback);
	outcome->report.sent = outcome_keep(&room, report->sent);
	outcome->name = outcome_keep(&room, name);
	return outcome;
}

void
outbox_add(Outbox *outbox, const Job *job, const Report *report)
{
	outcome_list_append(&outbox->waiting,
						outcome_new(&job->id, job->delivery, job->name, report));
	outbox->count++;
}

void
outbox_visit(Outbox *outbox,
			 void (*visit) (void *data, const Uuid *id, int32_t delivery),
			 void *data)
{
	Outcome    *outcome;

	for (outcome = outbox->waiting.first; outcome != NULL;
		 outcome = outcome->next)
		visit(data, &outcome->id, outcome->delivery);
	for (Batch *batch = outbox->in_flight; batch != NULL; batch = batch->next)
		for (outcome = batch->outcomes.first; outcome != NULL;
			 outcome = outcome->next)
			visit(data, &outcome->id, outcome->delivery);
}

/*
 * Sending
 */

/* One task_outcome: its fields with their types, in the type's order. */
static void
outcome_put(Buffer *bytes, const Outcome *outcome)
{
	const Report *report = &outcome->report;
	size_t		length_at;
	int32_t		length;

	wire_put_int32(bytes, 0);	/* length, when it is known */
	length_at = buffer_length(bytes);
	wire_put_int32(bytes, 9);
	wire_put_int32(bytes, WIRE_UUID);
	wire_put_uuid_field(bytes, &outcome->id);
	wire_put_int32(bytes, WIRE_INT4);
	wire_put_int32_field(bytes, outcome->delivery);
	wire_put_int32(bytes, WIRE_TEXT);
	wire_put_text_field(bytes, text_of(outcome_state_name(report->state)));
	wire_put_int32(bytes, WIRE_JSONB);
	wire_put_jsonb_field(bytes, report->result);
	wire_put_int32(bytes, WIRE_TEXT);
	wire_put_text_field(bytes, report->exc_type);
	wire_put_int32(bytes, WIRE_TEXT);
	wire_put_text_field(bytes, report->exc_message);
	wire_put_int32(bytes, WIRE_TEXT);
	wire_put_text_field(bytes, report->traceback);
	wire_put_int32(bytes, WIRE_INTERVAL);
	wire_put_interval_field(bytes, report->state == OUTCOME_RETRY
							? report->countdown : -1);
	wire_put_int32(bytes, WIRE_TIMESTAMPTZ);
	wire_put_time_field(bytes, report->started_at);

	length = (int32_t) (buffer_length(bytes) - length_at);
	for (int i = 0; i < 4; i++)
		buffer_head(bytes)[length_at - 4 + (size_t) i] =
			(char) ((uint32_t) length >> (24 - 8 * i));
}

/* Take a batch off the front: bounded by count, bytes and its members' wish. */
static Batch *
outbox_take_batch(Outbox *outbox)
{
	Batch	   *batch = mem_zalloc(sizeof(Batch));
	int			limit = outbox->waiting.first->companions;
	size_t		bytes = 0;

	batch->outbox = outbox;
	outcome_list_init(&batch->outcomes);
	while (outbox->waiting.first != NULL && batch->outcomes.count < limit)
	{
		Outcome    *outcome = outbox->waiting.first;

		if (batch->outcomes.count > 0 &&
			(bytes + outcome->size > OUTBOX_BATCH_BYTES ||
			 outcome->companions < limit))
			break;
		bytes += outcome->size;
		outcome_list_append(&batch->outcomes,
							outcome_list_shift(&outbox->waiting));
	}
	return batch;
}

static bool
batch_sends(const Batch *batch)
{
	for (Outcome *outcome = batch->outcomes.first; outcome != NULL;
		 outcome = outcome->next)
		if (outcome->report.sent.data != NULL)
			return true;
	return false;
}

static void
batch_put_sent(Params *params, const Batch *batch)
{
	wire_put_array(&params->bytes, WIRE_JSONB, batch->outcomes.count);
	for (Outcome *outcome = batch->outcomes.first; outcome != NULL;
		 outcome = outcome->next)
		wire_put_jsonb_field(&params->bytes, outcome->report.sent);
	params_end(params);
}

static void outbox_answer(void *data, const PGresult *result);

static void
outbox_send_batch(Outbox *outbox, int link, unsigned outcome_type)
{
	Params	   *params = &outbox->params;
	Batch	   *batch = outbox_take_batch(outbox);
	bool		sends = batch_sends(batch);

	params_reset(params);
	params_text(params, text_of(outbox->worker));
	wire_put_array(&params->bytes, outcome_type, batch->outcomes.count);
	for (Outcome *outcome = batch->outcomes.first; outcome != NULL;
		 outcome = outcome->next)
		outcome_put(&params->bytes, outcome);
	params_end(params);
	if (sends)
		batch_put_sent(params, batch);

	batch->link = link;
	batch->next = outbox->in_flight;
	outbox->in_flight = batch;
	outbox->nin_flight[link]++;
	link_request(outbox->links[link],
				 sends ? &statement_finish_sending : &statement_finish,
				 params, outbox_answer, batch);
}

/*
 * A full batch goes at once.  A smaller one goes when nothing is on its way
 * and nothing more is expected, or when its oldest has waited long enough.
 */
static bool
outbox_is_due(const Outbox *outbox, bool more_soon, int64_t now)
{
	const Outcome *oldest = outbox->waiting.first;

	if (outbox->waiting.count >= OUTBOX_BATCH_COUNT ||
		oldest->companions < OUTBOX_BATCH_COUNT)
		return true;
	if (outbox->in_flight == NULL && !more_soon)
		return true;
	return now - oldest->made_at >= OUTBOX_DELAY;
}

/* The link to send through; -1 = none can take a batch now. */
static int
outbox_choose_link(const Outbox *outbox, bool second_free)
{
	if (outbox->nin_flight[0] < OUTBOX_IN_FLIGHT &&
		link_is_connected(outbox->links[0]))
		return 0;
	if (second_free && outbox->nin_flight[1] < OUTBOX_IN_FLIGHT &&
		outbox->waiting.count >= OUTBOX_BATCH_COUNT &&
		link_is_connected(outbox->links[1]))
		return 1;
	return -1;
}

int64_t
outbox_send(Outbox *outbox, const OutboxState *state, int64_t now)
{
	int			link;

	if (outbox->waiting.first == NULL)
		return CLOCK_NEVER;
	while (outbox->waiting.first != NULL && now >= outbox->retry_at &&
		   (link = outbox_choose_link(outbox, state->second_free)) >= 0)
	{
		if (!outbox_is_due(outbox, state->more_soon, now))
			return outbox->waiting.first->made_at + OUTBOX_DELAY;
		outbox_send_batch(outbox, link, state->outcome_type);
	}
	return outbox->retry_at > now ? outbox->retry_at : CLOCK_NEVER;
}

/*
 * Answers
 */

static void
outbox_unlink_batch(Outbox *outbox, Batch *batch)
{
	Batch	  **link = &outbox->in_flight;

	while (*link != batch)
		link = &(*link)->next;
	*link = batch->next;
	outbox->nin_flight[batch->link]--;
}

static void
outbox_log_refused(const Outcome *outcome)
{
	char		id[UUID_TEXT_SIZE];

	uuid_format(&outcome->id, id);
	log_task(outcome->report.state == OUTCOME_PENDING ? LOG_LEVEL_DEBUG
			 : LOG_LEVEL_WARNING, outcome->name, &outcome->id,
			 "Task %s[%s] outcome %s (delivery %d) refused: the task is no longer ours",
			 outcome->name.data, id, outcome_state_name(outcome->report.state),
			 outcome->delivery);
}

/* The server says which ones it accepted; usually that is all of them. */
static void
outbox_settle(Outbox *outbox, Batch *batch, const PGresult *result)
{
	static Uuid accepted[OUTBOX_BATCH_COUNT];
	int			naccepted = 0;

	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		naccepted = wire_get_uuid_array(PQgetvalue(result, 0, 0),
										(size_t) PQgetlength(result, 0, 0),
										accepted, OUTBOX_BATCH_COUNT);
	outbox->count -= batch->outcomes.count;
	if (naccepted != batch->outcomes.count)
	{
		for (Outcome *outcome = batch->outcomes.first; outcome != NULL;
			 outcome = outcome->next)
		{
			bool		found = false;

			for (int i = 0; i < naccepted && !found; i++)
				found = uuid_equal(&accepted[i], &outcome->id);
			if (found)
				continue;
			outbox->refused++;
			outbox_log_refused(outcome);
		}
	}
	while (batch->outcomes.first != NULL)
		free(outcome_list_shift(&batch->outcomes));
	outbox->retry_pause = OUTBOX_RETRY;
}

/*
 * SQLSTATEs, or the classes of them, that blame the data: trying again would
 * not help.  Everything else (no space, shutting down, a lock, rights) may be
 * different next time.
 */
static const char *const outbox_data_errors[] = {
	"22",						/* data exception */
	"23",						/* constraint violation */
	"54",						/* limit exceeded */
	"TC",						/* celeriac's own */
	"08P01",					/* a value that is no such value */
};

static bool
outbox_blames_data(const PGresult *result)
{
	const size_t count = sizeof(outbox_data_errors) / sizeof(char *);
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	for (size_t i = 0; sqlstate != NULL && i < count; i++)
		if (strncmp(sqlstate, outbox_data_errors[i],
					strlen(outbox_data_errors[i])) == 0)
			return true;
	return false;
}

/* Make it a failure that the server will hopefully take. */
static Outcome *
outcome_to_failure(Outcome *outcome, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	char		text[600];
	Report		report = {
		.state = OUTCOME_FAILURE,
		.started_at = outcome->report.started_at,
		.countdown = -1,
		.exc_type = text_of(EXC_ENCODE),
	};
	Outcome    *failure;

	if (outcome->form == FORM_ORIGINAL)
		snprintf(text, sizeof(text), "the server cannot store the outcome: %s%s%s",
				 message ? message : "unknown error", detail ? ": " : "",
				 detail ? detail : "");
	else
		snprintf(text, sizeof(text), "the server cannot store the outcome");
	text_make_utf8(text, strlen(text));
	report.exc_message = text_of(text);

	failure = outcome_new(&outcome->id, outcome->delivery, outcome->name,
						  &report);
	failure->form = outcome->form + 1;
	failure->companions = 1;
	free(outcome);
	return failure;
}

static void
outbox_wait_for_better_times(Outbox *outbox, const PGresult *result)
{
	log_write(LOG_LEVEL_ERROR, "cannot deliver outcomes, trying again in %.1f s: %s",
			  (double) outbox->retry_pause / CLOCK_SECOND,
			  PQresultErrorMessage(result));
	outbox->retry_at = clock_mono() + outbox->retry_pause;
	if (outbox->retry_pause < OUTBOX_RETRY_MAX)
		outbox->retry_pause *= 2;
}

/* Nothing of the batch was stored: think about what to send instead. */
static void
outbox_reconsider(Outbox *outbox, Batch *batch, const PGresult *result)
{
	OutcomeList again;
	int			half = (batch->outcomes.count + 1) / 2;
	Outcome    *only = batch->outcomes.first;

	if (!outbox_blames_data(result) ||
		(batch->outcomes.count == 1 && only->form == FORM_BARE))
	{
		outbox_wait_for_better_times(outbox, result);
		return;
	}
	if (batch->outcomes.count > 1)
	{
		for (Outcome *outcome = only; outcome != NULL; outcome = outcome->next)
			outcome->companions = half;
		return;
	}
	log_task(LOG_LEVEL_ERROR, only->name, &only->id,
			 "outcome of task %s cannot be stored: %s", only->name.data,
			 PQresultErrorMessage(result));
	outcome_list_init(&again);
	outcome_list_append(&again,
						outcome_to_failure(outcome_list_shift(&batch->outcomes),
										   result));
	outcome_list_prepend(&batch->outcomes, &again);
}

static void
outbox_answer(void *data, const PGresult *result)
{
	Batch	   *batch = data;
	Outbox	   *outbox = batch->outbox;

	outbox_unlink_batch(outbox, batch);
	if (result != NULL && PQresultStatus(result) == PGRES_TUPLES_OK)
		outbox_settle(outbox, batch, result);
	else
	{
		/* without an answer they go again when the connection is back */
		if (result != NULL)
			outbox_reconsider(outbox, batch, result);
		outcome_list_prepend(&outbox->waiting, &batch->outcomes);
	}
	free(batch);
}
