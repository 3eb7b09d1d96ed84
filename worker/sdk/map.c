/*
 * map.c
 *		The tasks celeriac.map and celeriac.starmap.
 *
 * Results stay text, so that they are what the task made them.
 */
#include "sdk/map.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/sdk.h"
#include "sdk/shared.h"

/* A list being written. */
typedef struct MapList
{
	char	   *text;
	size_t		length;
	size_t		size;
} MapList;

static bool
map_append(MapList *list, const char *piece)
{
	size_t		length = strlen(piece);

	if (list->length + length + 1 > list->size)
	{
		size_t		size = 2 * (list->length + length) + 64;
		char	   *text = realloc(list->text, size);

		if (text == NULL)
			return false;
		list->text = text;
		list->size = size;
	}
	memcpy(list->text + list->length, piece, length + 1);
	list->length += length;
	return true;
}

static void
map_fail(SdkOutcome *outcome, const char *type, const char *message)
{
	sdk_outcome_free(outcome);
	outcome->status = TASK_FAILURE;
	outcome->countdown = -1;
	outcome->exc_type = strdup(type);
	outcome->exc_message = strdup(message);
}

bool
map_is(const char *name)
{
	return strcmp(name, MAP_TASK) == 0 || strcmp(name, STARMAP_TASK) == 0;
}

static json_t *
map_kwargs(const char *kwargs)
{
	return kwargs == NULL ? NULL : json_loads(kwargs, 0, NULL);
}

char *
map_task(const char *kwargs)
{
	json_t	   *parsed = map_kwargs(kwargs);
	const char *name = json_string_value(json_object_get(parsed, "task"));
	char	   *copy = name == NULL ? NULL : strdup(name);

	json_decref(parsed);
	return copy;
}

/* The arguments of one call: the item, or what it is a list of. */
static char *
map_args(const char *name, json_t *item)
{
	json_t	   *args = strcmp(name, STARMAP_TASK) == 0 ? json_incref(item) :
		json_pack("[O]", item);
	char	   *text = json_is_array(args) ? json_dumps(args, JSON_COMPACT) : NULL;

	json_decref(args);
	return text;
}

static bool
map_run_item(const SdkHost *host, const SdkInput *input, json_t *item,
			 const task_definition *task, SdkOutcome *outcome)
{
	SdkInput	call = *input;
	char	   *args = map_args(input->name, item);

	if (args == NULL)
	{
		map_fail(outcome, EXC_TYPE, "an item of a starmap is no list of arguments");
		return false;
	}
	call.args = args;
	call.kwargs = NULL;
	sdk_run(host, &call, task->run, outcome);
	free(args);
	return outcome->status == TASK_SUCCESS;
}

/* A list behind a list: the brackets between them go. */
static bool
map_add_sent(MapList *list, char *sent)
{
	if (sent == NULL)
		return true;
	sent[strlen(sent) - 1] = '\0';
	return map_append(list, list->length == 0 ? "[" : ",") &&
		map_append(list, sent + 1);
}

static bool
map_add_result(MapList *list, MapList *sent, size_t number, SdkOutcome *outcome)
{
	bool		added = map_append(list, number == 0 ? "[" : ",") &&
		map_append(list, outcome->result == NULL ? "null" : outcome->result) &&
		map_add_sent(sent, outcome->sent);

	if (added)
		sdk_outcome_free(outcome);
	else
		map_fail(outcome, EXC_MEMORY, "out of memory");
	return added;
}

static bool
map_run_items(const SdkHost *host, const SdkInput *input, json_t *items,
			  const task_definition *task, SdkOutcome *outcome, MapList *list,
			  MapList *sent)
{
	size_t		count = json_array_size(items);

	for (size_t i = 0; i < count; i++)
	{
		if (!map_run_item(host, input, json_array_get(items, i), task, outcome) ||
			!map_add_result(list, sent, i, outcome))
			return false;
	}
	if (map_append(list, count == 0 ? "[]" : "]") &&
		(sent->length == 0 || map_append(sent, "]")))
		return true;
	map_fail(outcome, EXC_MEMORY, "out of memory");
	return false;
}

void
map_run(const SdkHost *host, const SdkInput *input, const task_definition *task,
		SdkOutcome *outcome)
{
	json_t	   *kwargs = map_kwargs(input->kwargs);
	json_t	   *items = json_object_get(kwargs, "it");
	MapList		list = {0};
	MapList		sent = {0};

	memset(outcome, 0, sizeof(*outcome));
	outcome->countdown = -1;
	if (!json_is_array(items))
		map_fail(outcome, EXC_TYPE, "the keyword argument \"it\" is no list of items");
	else if (map_run_items(host, input, items, task, outcome, &list, &sent))
	{
		outcome->result = list.text;
		outcome->sent = sent.text;
		list.text = sent.text = NULL;
	}
	free(list.text);
	free(sent.text);
	json_decref(kwargs);
}
