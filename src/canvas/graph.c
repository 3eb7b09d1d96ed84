/*
 * graph.c
 *		A canvas as rows: a message per task and per group, an edge per
 *		dependency.
 *
 * The tree is walked once.  What a subtree gives to whatever comes after it is
 * the result of one message, its output: a task itself, the last of a chain, the
 * message that gathers a group, the body of a chord.  All ids are made
 * beforehand, so that rows can name each other and are inserted in bulk, by the
 * sender's transaction: a canvas is there as a whole or not at all.
 */
#include "canvas/graph.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/json.h"
#include "base/uuid.h"
#include "call/binding.h"
#include "rows/edge.h"
#include "rows/post.h"
#include "sdk/states.h"
#include "session/definition.h"
#include "signature/tree.h"

/*
 * Messages and edges
 */
static int
add_request(Graph *graph, const pg_uuid_t *id)
{
	SendRequest *request;

	if (graph->count == graph->room)
	{
		graph->room *= 2;
		graph->requests = repalloc_huge(graph->requests, graph->room * sizeof(SendRequest));
		graph->targets = repalloc_huge(graph->targets, graph->room * sizeof(int));
	}
	request = &graph->requests[graph->count];
	memset(request, 0, sizeof(*request));
	if (graph->family->unattended)
		id = NULL;
	request->id_is_new = (id == NULL);
	if (id == NULL)
	{
		pg_uuid_t  *made = palloc(sizeof(pg_uuid_t));

		celeriac_uuid(made);
		id = made;
	}
	request->id = id;
	request->sent_by = graph->family->sent_by;
	graph->targets[graph->count] = NOTHING;
	return graph->count++;
}

static void
add_edge(Graph *graph, int source, int target, int slot, int depth)
{
	if (graph->nedges == graph->edge_room)
	{
		graph->edge_room *= 2;
		graph->edges = repalloc_huge(graph->edges, graph->edge_room * sizeof(Edge));
	}
	graph->edges[graph->nedges++] = (Edge) {source, target, slot, depth};
	graph->requests[target].waiting++;
}

/* The root of a canvas of its own is what it begins with. */
static void
set_family(Graph *graph, int number, const Place *place)
{
	SendRequest *request = &graph->requests[number];
	const Family *family = graph->family;

	if (family->root_id != NULL)
		request->root_id = family->root_id;
	else if (number > 0)
		request->root_id = graph->requests[0].id;
	request->parent_id = place->source == NOTHING ? family->parent_id :
		graph->requests[place->source].id;
	if (place->gather != NOTHING)
	{
		request->group_id = graph->requests[place->gather].id;
		graph->targets[number] = 0;
		add_edge(graph, number, place->gather, place->slot, 0);
	}
}

static void
wait_for_source(Graph *graph, int number, const Place *place, bool delivered)
{
	if (place->source == NOTHING)
		return;
	add_edge(graph, place->source, number, delivered ? 0 : -1, place->depth);
	if (graph->targets[place->source] == NOTHING)
		graph->targets[place->source] = 0;
	graph->targets[place->source]++;
}

/*
 * A task
 */

static TimestampTz
option_time(Jsonb *options, const char *key)
{
	char	   *text = celeriac_option_text(options, key);

	if (text == NULL)
		return 0;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
}

/* A task that waits for another keeps them: they count from then. */
static void
set_times(SendRequest *request, Jsonb *options, const Definition *def, bool waits)
{
	double		seconds;

	request->eta = option_time(options, "eta");
	request->expires = option_time(options, "expires");
	if (waits)
		return;
	if (celeriac_option_number(options, "countdown", &seconds) && seconds > 0)
		request->eta = celeriac_time_after(seconds);
	if (celeriac_option_number(options, "expires", &seconds))
		request->expires = celeriac_time_after(Max(seconds, 0));
	else if (request->expires == 0 && def->expires > 0)
		request->expires = celeriac_time_after(def->expires);
}

/* Options of a signature that have columns of their own. */
static Jsonb *
without_columns(Jsonb *options, bool waits)
{
	static const char *const columns[] = {"queue", "priority", "max_retries", "eta"};
	double		seconds;

	for (int i = 0; i < lengthof(columns); i++)
		options = celeriac_jsonb_without(options, columns[i]);
	if (!waits)
		options = celeriac_jsonb_without(options, "countdown");
	if (!waits || !celeriac_option_number(options, "expires", &seconds))
		options = celeriac_jsonb_without(options, "expires");
	return options;
}

/* What the definition says, unless the signature says otherwise. */
static Jsonb *
message_options(Jsonb *options, const Definition *def, bool waits)
{
	OptionsBuilder defaults = {0};

	if (!def->acks_late)
		celeriac_options_bool(&defaults, "acks_late", false);
	if (def->ignore_result)
		celeriac_options_bool(&defaults, "ignore_result", true);
	if (waits && def->expires > 0 && celeriac_option_jsonb(options, "expires") == NULL)
		celeriac_options_number(&defaults, "expires", def->expires);
	if (JB_ROOT_COUNT(options) > 0)
		options = without_columns(options, waits);
	if (defaults.any)
		options = celeriac_jsonb_concat(celeriac_options_done(&defaults), options);
	return JB_ROOT_COUNT(options) == 0 ? NULL : options;
}

/* Its own are not overridden. */
static Jsonb *
with_stamps(Jsonb *options, Jsonb *stamps)
{
	Jsonb	   *own;

	if (options == NULL)
		options = celeriac_empty_object();
	own = celeriac_option_jsonb(options, "stamps");
	if (own != NULL && JB_ROOT_IS_OBJECT(own))
		stamps = celeriac_jsonb_concat(stamps, own);
	return celeriac_jsonb_with(options, "stamps", stamps);
}

static void
read_options(SendRequest *request, const Canvas *task, Jsonb *stamps, bool waits)
{
	const Definition *def = celeriac_definition(task->defined_by ? task->defined_by : task->name);
	double		priority = def->priority;
	double		max_retries = def->max_retries;

	(void) celeriac_option_number(task->options, "priority", &priority);
	(void) celeriac_option_number(task->options, "max_retries", &max_retries);
	request->priority = (int) priority;
	request->max_retries = (int) max_retries;
	request->queue = celeriac_option_text(task->options, "queue");
	if (request->queue == NULL)
		request->queue = pstrdup(celeriac_definition_queue(def));
	set_times(request, task->options, def, waits);
	request->options = message_options(task->options, def, waits);
	if (stamps != NULL)
		request->options = with_stamps(request->options, stamps);
}

static int
build_task(Graph *graph, const Canvas *task, const Place *place)
{
	bool		waits = (place->source != NOTHING);
	int			number = add_request(graph, task->id);
	SendRequest *request = &graph->requests[number];

	request->name = task->name;
	request->kwargs = task->kwargs;
	request->args = task->args;
	if (place->first != NULL && !task->immutable)
		request->args = celeriac_jsonb_concat(celeriac_jsonb_list(place->first), task->args);
	read_options(request, task, graph->family->stamps, waits);
	set_family(graph, number, place);
	wait_for_source(graph, number, place, !task->immutable && place->first == NULL);
	/* those that wait show only when they run what they get */
	if (!waits && !graph->family->unattended)
		celeriac_sqltask_check_arguments(celeriac_definition(request->name)->function,
										 request->args, request->kwargs);
	return number;
}

/*
 * What consists of others
 */
static int
build_gather(Graph *graph, const Canvas *group, const Place *place)
{
	int			number = add_request(graph, group->id);
	SendRequest *request = &graph->requests[number];

	request->name = CELERIAC_GROUP_TASK;
	request->args = celeriac_empty_array();
	request->kwargs = celeriac_empty_object();
	request->queue = pstrdup(celeriac_definition_queue(celeriac_definition(CELERIAC_GROUP_TASK)));
	request->max_retries = 0;
	set_family(graph, number, place);
	return number;
}

static int
build_group(Graph *graph, const Canvas *group, const Place *place)
{
	int			gather = build_gather(graph, group, place);
	Place		member = *place;
	ListCell   *cell;

	member.depth++;
	member.gather = gather;
	member.slot = 0;
	foreach(cell, group->children)
	{
		CHECK_FOR_INTERRUPTS();
		(void) celeriac_graph_build(graph, lfirst(cell), &member);
		member.slot++;
	}
	return gather;
}

static int
build_chain(Graph *graph, const Canvas *chain, const Place *place)
{
	Place		step = *place;
	int			output = NOTHING;
	ListCell   *cell;

	foreach(cell, chain->children)
	{
		bool		last = (cell == list_tail(chain->children));

		step.gather = last ? place->gather : NOTHING;
		output = celeriac_graph_build(graph, lfirst(cell), &step);
		step.source = output;
		step.depth = 0;
		step.first = NULL;
	}
	return output;
}

/* Without a header the body gets an empty list, when the header would begin. */
static int
build_chord(Graph *graph, const Canvas *chord, const Place *place)
{
	Place		inner = *place;

	if (chord->header->children == NIL)
		inner.first = celeriac_empty_array();
	else
	{
		inner.gather = NOTHING;
		inner.source = build_group(graph, chord->header, &inner);
		inner.depth = 0;
		inner.first = NULL;
		inner.gather = place->gather;
	}
	return celeriac_graph_build(graph, chord->body, &inner);
}

int
celeriac_graph_build(Graph *graph, const Canvas *canvas, const Place *place)
{
	check_stack_depth();
	switch (canvas->kind)
	{
		case CANVAS_CHAIN:
			return build_chain(graph, canvas, place);
		case CANVAS_GROUP:
			return build_group(graph, canvas, place);
		case CANVAS_CHORD:
			return build_chord(graph, canvas, place);
		default:
			return build_task(graph, canvas, place);
	}
}

/*
 * Writing
 */
static Jsonb *
targets_mark(int targets)
{
	OptionsBuilder mark = {0};

	celeriac_options_number(&mark, CELERIAC_TARGETS, targets);
	return celeriac_options_done(&mark);
}

/* Most are members of groups, without options of their own. */
static void
mark_targets(Graph *graph)
{
	Jsonb	   *member = targets_mark(0);

	for (int i = 0; i < graph->count; i++)
	{
		SendRequest *request = &graph->requests[i];
		Jsonb	   *mark = graph->targets[i] > 0 ? targets_mark(graph->targets[i]) : member;

		if (graph->targets[i] == NOTHING)
			continue;
		request->options = request->options == NULL ? mark :
			celeriac_jsonb_concat(request->options, mark);
	}
}

static void
insert_edges(const Graph *graph)
{
	EdgeRow    *rows = palloc_extended((graph->nedges + 1) * sizeof(EdgeRow), MCXT_ALLOC_HUGE);

	if (graph->nedges == 0)
		return;
	for (int i = 0; i < graph->nedges; i++)
	{
		const Edge *edge = &graph->edges[i];

		rows[i].source = graph->requests[edge->source].id;
		rows[i].target = graph->requests[edge->target].id;
		rows[i].slot = edge->slot;
		rows[i].depth = edge->depth;
	}
	celeriac_edges_insert(rows, graph->nedges);
}

void
celeriac_graph_begin(Graph *graph, const Family *family)
{
	memset(graph, 0, sizeof(*graph));
	graph->family = family;
	graph->room = graph->edge_room = 64;
	graph->requests = palloc(graph->room * sizeof(SendRequest));
	graph->targets = palloc(graph->room * sizeof(int));
	graph->edges = palloc(graph->edge_room * sizeof(Edge));
}

/* A group of nothing has its result at once. */
static List *
complete_groups(const Graph *graph)
{
	List	   *complete = NIL;

	for (int i = 0; i < graph->count; i++)
	{
		const SendRequest *request = &graph->requests[i];
		Outcome    *outcome;

		if (request->waiting > 0 || strcmp(request->name, CELERIAC_GROUP_TASK) != 0)
			continue;
		outcome = palloc(sizeof(Outcome));
		celeriac_outcome_init(outcome, request->id, OUTCOME_SUCCESS, NULL, NULL);
		outcome->result = celeriac_empty_array();
		complete = lappend(complete, outcome);
	}
	return complete;
}

List *
celeriac_graph_write(Graph *graph)
{
	pg_uuid_t  *ids = palloc_extended(graph->count * sizeof(pg_uuid_t), MCXT_ALLOC_HUGE);

	mark_targets(graph);
	celeriac_send_batch(graph->requests, graph->count, ids);
	insert_edges(graph);
	return complete_groups(graph);
}

/* Is its result that of a group? */
bool
celeriac_graph_ends_in_group(const Canvas *canvas)
{
	if (canvas->kind == CANVAS_CHAIN)
		return canvas->children != NIL && celeriac_graph_ends_in_group(llast(canvas->children));
	if (canvas->kind == CANVAS_CHORD)
		return celeriac_graph_ends_in_group(canvas->body);
	return canvas->kind == CANVAS_GROUP;
}

/* Celery: a group of one that is a group in the end is that group. */
const Canvas *
celeriac_graph_innermost(const Canvas *canvas)
{
	while (canvas->kind == CANVAS_GROUP && list_length(canvas->children) == 1 &&
		   celeriac_graph_ends_in_group(linitial(canvas->children)))
		canvas = linitial(canvas->children);
	return canvas;
}

List *
celeriac_graph_send(const Canvas *canvas, const Family *family, pg_uuid_t *id)
{
	Graph		graph;
	Place		place = {.source = NOTHING, .gather = NOTHING};
	int			last;

	celeriac_graph_begin(&graph, family);
	last = celeriac_graph_build(&graph, celeriac_graph_innermost(canvas), &place);
	*id = *graph.requests[last].id;
	return celeriac_graph_write(&graph);
}
