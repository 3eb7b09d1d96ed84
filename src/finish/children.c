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

#include "base/check.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/row.h"
#include "base/uuid.h"
#include "canvas/advance.h"
#include "canvas/graft.h"
#include "canvas/graph.h"
#include "session/exec.h"
#include "session/statement.h"
#include "signature/accept.h"
#include "signature/prepare.h"
#include "signature/tree.h"

/* What the children of a task inherit. */
typedef struct Parent
{
	pg_uuid_t	id;
	pg_uuid_t	root_id;
	const char *sent_by;
} Parent;

struct Parents
{
	int			count;
	Parent		items[FLEXIBLE_ARRAY_MEMBER];
};

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

		parents[i].id = *celeriac_row_uuid(&row, Anum_parent_id);
		parents[i].root_id = *celeriac_row_uuid(&row, Anum_parent_root_id);
		parents[i].sent_by = celeriac_row_text(&row, Anum_parent_sent_by);
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

		celeriac_advance_complete(celeriac_graph_send(lfirst(cell), &family, &id));
	}
}

Parents *
celeriac_children_parents(const Outcome *outcomes, int count)
{
	Parents    *parents = palloc_extended(offsetof(Parents, items) +
										  count * sizeof(Parent), MCXT_ALLOC_HUGE);

	parents->count = read_parents(outcomes, count, parents->items);
	return parents;
}

static int
compare_parents(const void *a, const void *b)
{
	return memcmp(&((const Parent *) a)->id, &((const Parent *) b)->id, UUID_LEN);
}

void
celeriac_children_send(Parents *parents, const Outcome *outcomes, int count)
{
	qsort(parents->items, parents->count, sizeof(Parent), compare_parents);
	for (int i = 0; parents->count > 0 && i < count; i++)
	{
		Parent		key = {.id = outcomes[i].id};
		Parent	   *parent;

		if (!outcomes[i].accepted || outcomes[i].sent == NIL)
			continue;
		parent = bsearch(&key, parents->items, parents->count, sizeof(Parent),
						 compare_parents);
		if (parent != NULL)
			send_children(parent, &outcomes[i]);
	}
}
