/*
 * children.c
 *		Signatures that arrive with the outcome of the task that sent them.
 *
 * A C task has no connection: what it sends travels with its outcome, and is
 * inserted by the transaction that applies that.  An outcome that is refused
 * sends nothing, so a task that ran twice has its children once.
 */
#include "finish/children.h"

#include "executor/spi.h"
#include "utils/builtins.h"

#include "base/check.h"
#include "session/identity.h"
#include "base/errors.h"
#include "canvas/graph.h"
#include "signature/prepare.h"
#include "base/row.h"
#include "session/statement.h"
#include "base/uuid.h"

/* What the children of a task inherit; read before its message is gone. */
typedef struct Parent
{
	pg_uuid_t	id;
	pg_uuid_t	root_id;
	const char *sent_by;
} Parent;

static void
invalid_sent(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("sent must be arrays of objects {\"send\": signature} or {\"add\": signature}")));
}

static Canvas *
read_canvas(Jsonb *signature)
{
	return celeriac_canvas_prepare(celeriac_canvas_parse(signature), NULL, NULL, NULL);
}

static Addition *
read_addition(Jsonb *signature)
{
	Addition   *addition = palloc(sizeof(Addition));

	(void) celeriac_graph_replacement(signature, NULL);
	addition->signature = signature;
	celeriac_uuid(&addition->id);
	return addition;
}

static void
read_item(Outcome *outcome, Jsonb *item)
{
	Jsonb	   *signature;

	if (!JB_ROOT_IS_OBJECT(item))
		invalid_sent();
	signature = celeriac_option_jsonb(item, "send");
	if (signature != NULL)
		outcome->sent = lappend(outcome->sent, read_canvas(signature));
	else if ((signature = celeriac_option_jsonb(item, "add")) != NULL)
		outcome->added = lappend(outcome->added, read_addition(signature));
	else
		invalid_sent();
}

void
celeriac_children_read(Outcome *outcome, Jsonb *sent)
{
	if (sent == NULL)
		return;
	celeriac_require_array(sent, "sent");
	for (int i = 0; i < JB_ROOT_COUNT(sent); i++)
		read_item(outcome,
				  JsonbValueToJsonb(getIthJsonbValueFromContainer(&sent->root, i)));
}

static int
read_parents(const Outcome *outcomes, int count, Parent *parents)
{
	Datum	   *ids = palloc((count + 1) * sizeof(Datum));
	int			wanted = 0;
	Datum		param;
	uint64		rows;

	for (int i = 0; i < count; i++)
	{
		if (outcomes[i].sent != NIL)
			ids[wanted++] = UUIDPGetDatum(&outcomes[i].id);
	}
	if (wanted == 0)
		return 0;
	param = celeriac_uuid_array(ids, wanted);
	rows = celeriac_exec(STMT_PARENTS, &param, NULL);
	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {.tuple = SPI_tuptable->vals[i], .desc = SPI_tuptable->tupdesc};

		parents[i].id = *celeriac_row_uuid(&row, 1);
		parents[i].root_id = *celeriac_row_uuid(&row, 2);
		parents[i].sent_by = celeriac_row_text(&row, 3);
	}
	return (int) rows;
}

static void
send_children(const Parent *parent, const Outcome *outcome)
{
	Family		family = {
		.root_id = &parent->root_id,
		.parent_id = &parent->id,
		.sent_by = parent->sent_by,
		.unattended = true
	};
	ListCell   *cell;

	foreach(cell, outcome->sent)
	{
		pg_uuid_t	id;

		celeriac_graph_send(lfirst(cell), &family, &id);
	}
}

int
celeriac_children_finish(const char *worker, Outcome *outcomes, int count)
{
	Parent	   *parents = palloc_extended((count + 1) * sizeof(Parent), MCXT_ALLOC_HUGE);
	int			nparents = read_parents(outcomes, count, parents);
	int			accepted = celeriac_finish(worker, outcomes, count);

	for (int i = 0; i < nparents; i++)
	{
		for (int k = 0; k < count; k++)
		{
			if (outcomes[k].accepted && outcomes[k].sent != NIL &&
				memcmp(&outcomes[k].id, &parents[i].id, UUID_LEN) == 0)
				send_children(&parents[i], &outcomes[k]);
		}
	}
	pfree(parents);
	return accepted;
}
