/*
 * prepare.c
 *		A canvas made ready to be sent.
 *
 * What Celery does when a canvas is applied: partial arguments and options go
 * down to the tasks they are for, chains and groups within their like dissolve,
 * a group that has something behind it becomes a chord.
 */
#include "signature/prepare.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"

#include "base/errors.h"
#include "base/json.h"
#include "base/uuid.h"
#include "sdk/map.h"
#include "signature/calloption.h"
#include "signature/link.h"
#include "signature/tree.h"

/* What comes from outside to be merged in; none of them is NULL. */
typedef struct Partial
{
	Jsonb	   *args;
	Jsonb	   *kwargs;
	Jsonb	   *options;
} Partial;

static Canvas *prepare(Canvas *canvas, const Partial *given);

static Partial
no_partial(void)
{
	Partial		none = {
		celeriac_empty_array(), celeriac_empty_object(), celeriac_empty_object()
	};

	return none;
}

static pg_uuid_t *
take_id(Canvas *canvas)
{
	Jsonb	   *id = celeriac_canvas_take_option(canvas, "task_id");
	JsonbValue	value;

	if (id == NULL || !JsonbExtractScalar(&id->root, &value) || value.type != jbvString)
		return NULL;
	return DatumGetUUIDP(DirectFunctionCall1(uuid_in,
											 CStringGetDatum(pnstrdup(value.val.string.val,
																	  value.val.string.len))));
}

/* A task's own arguments come after those given, its own kwargs give way. */
static void
merge_partial(Canvas *canvas, const Partial *given)
{
	canvas->options = celeriac_call_options_merge(canvas->options, given->options);
	if (canvas->immutable)
		return;
	canvas->args = celeriac_jsonb_concat(given->args, canvas->args);
	canvas->kwargs = celeriac_jsonb_concat(canvas->kwargs, given->kwargs);
}

/*
 * Tasks, and what becomes tasks
 */
static Canvas *
prepare_task(Canvas *task, const Partial *given)
{
	merge_partial(task, given);
	if (JB_ROOT_COUNT(task->options) > 0)
	{
		task->id = take_id(task);
		task->options = celeriac_call_options_clean(task->options);
	}
	if (task->defined_by == NULL)
		task->defined_by = task->name;
	return task;
}

static Jsonb *
map_kwargs(const Canvas *map)
{
	OptionsBuilder kwargs = {0};

	celeriac_options_text(&kwargs, "task", map->mapped->name);
	celeriac_options_jsonb(&kwargs, "it", map->items);
	return celeriac_options_done(&kwargs);
}

/* One message; the mapped task is called once for each item. */
static Canvas *
prepare_map(Canvas *map, const Partial *given)
{
	map->name = map->kind == CANVAS_MAP ? MAP_TASK : STARMAP_TASK;
	map->kwargs = map_kwargs(map);
	map->defined_by = map->mapped->name;
	map->immutable = true;
	map->kind = CANVAS_TASK;
	return prepare_task(map, given);
}

static Canvas *
new_chunk(const Canvas *chunks, JsonbParseState **state)
{
	Jsonb	   *items = JsonbValueToJsonb(pushJsonbValue(state, WJB_END_ARRAY, NULL));

	*state = NULL;
	return celeriac_canvas_map(CANVAS_STARMAP, chunks->mapped->name, items, 0);
}

static List *
chunk_list(const Canvas *chunks)
{
	JsonbIterator *it = JsonbIteratorInit(&chunks->items->root);
	JsonbParseState *state = NULL;
	JsonbValue	value;
	List	   *list = NIL;
	int			count = 0;

	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &value, true) == WJB_ELEM)
	{
		if (count == 0)
			pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		pushJsonbValue(&state, WJB_ELEM, &value);
		if (++count < chunks->size)
			continue;
		list = lappend(list, new_chunk(chunks, &state));
		count = 0;
	}
	return count == 0 ? list : lappend(list, new_chunk(chunks, &state));
}

/* Chunks are a group of starmaps of so many items each. */
static Canvas *
expand_chunks(Canvas *canvas)
{
	Canvas	   *group;

	if (canvas->kind != CANVAS_CHUNKS)
		return canvas;
	group = celeriac_canvas_group(chunk_list(canvas));
	group->options = canvas->options;
	return group;
}

/*
 * Groups
 */

/*
 * Options of the group itself are left: the rest is for each member.  Links
 * given at the sending replace those it was made with, as all options do.
 */
static Partial
partial_for_members(Canvas *group, const Partial *given)
{
	Partial		members;

	merge_partial(group, given);
	celeriac_canvas_link_all(group, celeriac_canvas_take_option(group, "link"));
	celeriac_canvas_link_error_all(group, celeriac_canvas_take_option(group, "link_error"));
	group->id = take_id(group);
	members.args = group->args;
	members.kwargs = group->kwargs;
	members.options = group->options;
	group->args = celeriac_empty_array();
	group->kwargs = celeriac_empty_object();
	group->options = celeriac_empty_object();
	return members;
}

/* A group within it dissolves; a chain that ends in a group does not. */
static Canvas *
prepare_group(Canvas *group, const Partial *given)
{
	Partial		for_members;
	List	   *members = NIL;
	ListCell   *cell;

	group = expand_chunks(group);
	for_members = partial_for_members(group, given);
	foreach(cell, group->children)
	{
		Canvas	   *member = lfirst(cell);
		bool		dissolves = (member->kind == CANVAS_GROUP ||
								 member->kind == CANVAS_CHUNKS);

		CHECK_FOR_INTERRUPTS();
		member = prepare(member, &for_members);
		members = dissolves ? list_concat(members, member->children) :
			lappend(members, member);
	}
	group->children = members;
	return group;
}

/*
 * Chords: partial arguments are the header's, callbacks and the id the body's,
 * all other options are for both.
 */
static Canvas *
prepare_chord(Canvas *chord, const Partial *given)
{
	Partial		for_header;
	Partial		for_body = no_partial();
	Jsonb	   *id;

	merge_partial(chord, given);
	celeriac_canvas_link_all(chord, celeriac_canvas_take_option(chord, "link"));
	celeriac_canvas_link_error_all(chord, celeriac_canvas_take_option(chord, "link_error"));
	id = celeriac_canvas_take_option(chord, "task_id");
	for_header.args = chord->args;
	for_header.kwargs = chord->kwargs;
	for_header.options = chord->options;
	for_body.options = id == NULL ? chord->options :
		celeriac_jsonb_with(chord->options, "task_id", id);
	chord->args = celeriac_empty_array();
	chord->kwargs = celeriac_empty_object();
	chord->options = celeriac_empty_object();
	chord->header = prepare_group(chord->header, &for_header);
	chord->body = prepare(chord->body, &for_body);
	return chord;
}

/*
 * Chains
 */

/* What was said of the group holds for the member. */
Canvas *
celeriac_canvas_unroll(Canvas *group)
{
	Partial		none = no_partial();
	Canvas	   *member;
	Partial		for_member;

	if (group->kind != CANVAS_GROUP || list_length(group->children) != 1)
		return group;
	for_member = partial_for_members(group, &none);
	member = linitial(group->children);
	merge_partial(member, &for_member);
	return member;
}

static List *flatten_chain(Canvas *chain);

/*
 * The steps that one step of a chain stands for.  Chunks are a group however
 * many there are: the shape of their result must not hang on the data.
 */
static List *
flatten_step(Canvas *step)
{
	step = celeriac_canvas_unroll(step);
	if (step->kind == CANVAS_CHAIN)
		return flatten_chain(step);
	if (step->kind == CANVAS_GROUP && step->children == NIL)
		return NIL;
	return list_make1(expand_chunks(step));
}

/*
 * What is said of a chain holds for its first step, but its callbacks are the
 * last one's, its errbacks every one's, its id the last one's.
 */
static void
distribute(Canvas *chain, List *steps)
{
	Canvas	   *last = llast(steps);
	Jsonb	   *errbacks = celeriac_canvas_take_option(chain, "link_error");
	Jsonb	   *id = celeriac_canvas_take_option(chain, "task_id");
	Partial		for_first;
	ListCell   *cell;

	celeriac_canvas_link_all(last, celeriac_canvas_take_option(chain, "link"));
	if (errbacks != NULL)
	{
		foreach(cell, steps)
			celeriac_canvas_link_error_all(lfirst(cell), errbacks);
	}
	if (id != NULL && celeriac_option_jsonb(last->options, "task_id") == NULL)
		last->options = celeriac_jsonb_with(last->options, "task_id", id);
	for_first.args = chain->args;
	for_first.kwargs = chain->kwargs;
	for_first.options = chain->options;
	merge_partial(linitial(steps), &for_first);
}

List *
celeriac_canvas_unchain(Canvas *chain)
{
	if (chain->children != NIL)
		distribute(chain, chain->children);
	return chain->children;
}

/* Groups with something behind them become chords, from the end backwards. */
static List *
upgrade_groups(List *steps)
{
	int			next = list_length(steps) - 1;

	for (int i = next - 1; i >= 0; i--)
	{
		Canvas	   *step = list_nth(steps, i);

		if (step->kind == CANVAS_GROUP)
			step = celeriac_canvas_chord(step, list_nth(steps, next));
		else
			next--;
		lfirst(list_nth_cell(steps, next)) = step;
	}
	return list_copy_tail(steps, next);
}

static List *
flatten_chain(Canvas *chain)
{
	List	   *steps = NIL;
	ListCell   *cell;

	check_stack_depth();
	foreach(cell, chain->children)
		steps = list_concat(steps, flatten_step(lfirst(cell)));
	if (steps == NIL)
		return NIL;
	steps = upgrade_groups(steps);
	distribute(chain, steps);
	return steps;
}

/* A chain of nothing but empty groups is an empty group. */
static Canvas *
prepare_empty_chain(Canvas *chain)
{
	Canvas	   *group = celeriac_canvas_group(NIL);

	if (chain->children == NIL ||
		((Canvas *) llast(chain->children))->kind == CANVAS_CHAIN)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
				 errmsg("an empty chain cannot be sent")));
	group->id = take_id(chain);
	return group;
}

static Canvas *
prepare_chain(Canvas *chain, const Partial *given)
{
	Partial		none = no_partial();
	List	   *steps;
	ListCell   *cell;

	merge_partial(chain, given);
	steps = flatten_chain(chain);
	if (steps == NIL)
		return prepare_empty_chain(chain);
	if (list_length(steps) == 1)
		return prepare(linitial(steps), &none);
	foreach(cell, steps)
		lfirst(cell) = prepare(lfirst(cell), &none);
	return celeriac_canvas_chain(steps);
}

static Canvas *(*const preparers[]) (Canvas *, const Partial *) =
{
	[CANVAS_TASK] = prepare_task,
		[CANVAS_CHAIN] = prepare_chain,
		[CANVAS_GROUP] = prepare_group,
		[CANVAS_CHORD] = prepare_chord,
		[CANVAS_MAP] = prepare_map,
		[CANVAS_STARMAP] = prepare_map,
		[CANVAS_CHUNKS] = prepare_group
};

static Canvas *
prepare(Canvas *canvas, const Partial *given)
{
	check_stack_depth();
	return preparers[canvas->kind] (canvas, given);
}

/*
 * A group of nothing but a group, or a chain that ends in one, has the result
 * of that; only where it is sent for itself, as in Celery.
 */
static Canvas *
unwrap(Canvas *root)
{
	Canvas	   *member;
	Canvas	   *last;

	if (root->kind != CANVAS_GROUP || list_length(root->children) != 1)
		return root;
	member = linitial(root->children);
	last = member->kind == CANVAS_CHAIN ? llast(member->children) : member;
	if (last->kind != CANVAS_GROUP)
		return root;
	if (last->id == NULL)
		last->id = root->id;
	return member;
}

/*
 * No id twice
 */
static void
require_unused(HTAB *ids, const pg_uuid_t *id)
{
	bool		found;

	if (id == NULL)
		return;
	(void) hash_search(ids, id, HASH_ENTER, &found);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_DUPLICATE_TASK),
				 errmsg("task id %s is there twice in one canvas", celeriac_uuid_text(id))));
}

static void
require_unique(HTAB *ids, const Canvas *canvas)
{
	ListCell   *cell;

	check_stack_depth();
	require_unused(ids, canvas->id);
	foreach(cell, canvas->children)
		require_unique(ids, lfirst(cell));
	if (canvas->kind != CANVAS_CHORD)
		return;
	require_unique(ids, canvas->header);
	require_unique(ids, canvas->body);
}

Canvas *
celeriac_canvas_prepare(Canvas *canvas, Jsonb *args, Jsonb *kwargs, Jsonb *options)
{
	Partial		given = no_partial();
	HASHCTL		info = {.keysize = sizeof(pg_uuid_t), .entrysize = sizeof(pg_uuid_t)};
	HTAB	   *ids;

	if (args != NULL)
		given.args = args;
	if (kwargs != NULL)
		given.kwargs = kwargs;
	if (options != NULL)
		given.options = options;
	info.hcxt = CurrentMemoryContext;
	ids = hash_create("celeriac ids of a canvas", 16, &info,
					  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	canvas = unwrap(prepare(canvas, &given));
	require_unique(ids, canvas);
	hash_destroy(ids);
	return canvas;
}
