/*
 * graft.c
 *		What a running task does to the canvas it is in: it is replaced by another
 *		canvas, or adds to its group.
 */
#include "canvas/graft.h"

#include "executor/spi.h"
#include "miscadmin.h"

#include "base/attempt.h"
#include "base/check.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/json.h"
#include "base/row.h"
#include "canvas/graph.h"
#include "rows/edge.h"
#include "rows/post.h"
#include "session/exec.h"
#include "session/statement.h"
#include "signature/accept.h"
#include "signature/link.h"
#include "signature/prepare.h"
#include "signature/tree.h"

static Jsonb *
append_callbacks(Jsonb *options, Jsonb *from, const char *key)
{
	Jsonb	   *callbacks = celeriac_option_jsonb(from, key);
	Jsonb	   *own;

	if (callbacks == NULL)
		return options;
	if (options == NULL)
		options = celeriac_empty_object();
	own = celeriac_option_jsonb(options, key);
	return celeriac_jsonb_with(options, key,
							   own == NULL ? callbacks : celeriac_jsonb_concat(own, callbacks));
}

/* What is called back when a group has ended hangs on the group itself. */
static void
hand_down_callbacks(Canvas *canvas, Jsonb *options)
{
	if (!celeriac_graph_ends_in_group(canvas))
		celeriac_canvas_link_all(canvas, celeriac_option_jsonb(options, "link"));
	if (canvas->kind != CANVAS_GROUP)
		celeriac_canvas_link_error_all(canvas, celeriac_option_jsonb(options, "link_error"));
}

/* Others know the task by its id, and by where it was. */
static void
inherit_place(Graph *graph, int output, const Delivery *task)
{
	SendRequest *request = &graph->requests[output];
	double		targets;

	*unconstify(pg_uuid_t *, request->id) = task->id;
	if (!task->has_root || memcmp(&task->root_id, &task->id, UUID_LEN) == 0)
		request->root_id = NULL;
	request->group_id = task->has_group ? &task->group_id : NULL;
	request->deliveries = task->delivery;
	if (celeriac_option_number(task->options, CELERIAC_TARGETS, &targets))
		graph->targets[output] = (int) targets;
}

static void
check_not_empty(const Canvas *canvas)
{
	if (canvas->kind == CANVAS_CHAIN && canvas->children == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("a task cannot be replaced by an empty chain")));
}

Canvas *
celeriac_graph_replacement(Jsonb *signature, Jsonb *options)
{
	Canvas	   *canvas = celeriac_canvas_parse(signature);

	check_not_empty(canvas);
	hand_down_callbacks(canvas, options);
	return celeriac_canvas_prepare(canvas, NULL, NULL, NULL);
}

static void
try_replacement(void *signature)
{
	(void) celeriac_graph_replacement(signature, NULL);
}

const char *
celeriac_graph_refusal(Jsonb *signature)
{
	ErrorData  *error;

	if (signature == NULL)
		return "a task cannot be replaced by nothing";
	error = celeriac_attempt(try_replacement, signature);
	return error == NULL ? NULL : error->message;
}

static Family
task_family(const Delivery *task)
{
	Family		family = {
		.root_id = task->has_root ? &task->root_id : &task->id,
		.parent_id = &task->id,
		.sent_by = task->sent_by,
		.stamps = celeriac_option_jsonb(task->options, "stamps"),
		.unattended = true
	};

	return family;
}

List *
celeriac_graph_replace(const Delivery *task, Jsonb *signature)
{
	Graph		graph;
	Place		place = {.source = NOTHING, .gather = NOTHING};
	Family		family = task_family(task);
	Canvas	   *canvas = celeriac_graph_replacement(signature, task->options);
	SendRequest *request;
	int			output;

	celeriac_graph_begin(&graph, &family);
	output = celeriac_graph_build(&graph, canvas, &place);
	inherit_place(&graph, output, task);
	request = &graph.requests[output];
	if (output == 0 && request->waiting == 0)
		request->parent_id = task->has_parent ? &task->parent_id : NULL;
	if (strcmp(request->name, CELERIAC_GROUP_TASK) == 0)
		request->options = append_callbacks(append_callbacks(request->options,
															 task->options, "link"),
											task->options, "link_error");
	return celeriac_graph_write(&graph);
}

/* Its group, and the first place in it that is free; false when it is in none. */
static bool
group_of(const pg_uuid_t *member, pg_uuid_t *group, int *slot)
{
	Datum		param = UUIDPGetDatum(member);
	Row			row;

	if (celeriac_exec(STMT_GROUP_OF, &param, NULL) == 0)
		return false;
	row = (Row) {.tuple = SPI_tuptable->vals[0], .desc = SPI_tuptable->tupdesc};
	*group = *celeriac_row_uuid(&row, Anum_group_of_id);
	*slot = celeriac_row_int32(&row, Anum_group_of_slot, 0);
	return true;
}

/* The group may just be on its way to another segment. */
static bool
add_waiting(const pg_uuid_t *group)
{
	Datum		id = UUIDPGetDatum(group);
	Datum		values[] = {id, Int32GetDatum(1)};
	Datum		ids = celeriac_uuid_array(&id, 1);

	do
	{
		CHECK_FOR_INTERRUPTS();
		if (celeriac_exec(STMT_ADD_WAITING, values, NULL) > 0)
			return true;
	} while (celeriac_exec(STMT_WAITING_ROOTS, &ids, NULL) > 0);
	return false;
}

List *
celeriac_graph_join(const Ended *task, const Addition *addition)
{
	Graph		graph;
	Place		place = {.source = NOTHING, .gather = NOTHING};
	Family		family = {
		.root_id = task->root_id ? task->root_id : &task->outcome->id,
		.parent_id = &task->outcome->id,
		.sent_by = task->sent_by,
		.stamps = celeriac_option_jsonb(task->options, "stamps"),
		.unattended = true
	};
	pg_uuid_t	group;
	EdgeRow		edge = {.source = &addition->id, .target = &group};
	const Canvas *canvas;
	int			output;

	if (!group_of(&task->outcome->id, &group, &edge.slot) || !add_waiting(&group))
		return NIL;
	celeriac_graph_begin(&graph, &family);
	canvas = celeriac_graph_replacement(addition->signature, NULL);
	output = celeriac_graph_build(&graph, celeriac_graph_innermost(canvas), &place);
	*unconstify(pg_uuid_t *, graph.requests[output].id) = addition->id;
	graph.requests[output].group_id = &group;
	graph.targets[output] = 0;
	celeriac_edges_insert(&edge, 1);
	return celeriac_graph_write(&graph);
}
