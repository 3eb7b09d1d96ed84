/*
 * command.c
 *		Control commands: JSON that the server sends by NOTIFY.
 */
#include "pool/command.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "sdk/shared.h"

typedef struct CommandSignal
{
	const char *name;
	int			signo;
} CommandSignal;

#define COMMAND_SIGNAL(name) {#name, SIG##name},
static const CommandSignal command_signals[] = {
	CELERIAC_SIGNALS(COMMAND_SIGNAL)
};

int
command_signal(const char *name)
{
	const size_t count = sizeof(command_signals) / sizeof(command_signals[0]);

	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(name, command_signals[i].name) == 0)
			return command_signals[i].signo;
	return 0;
}

static Command
command_parse_revoke(const json_t *json)
{
	const char *id = json_string_value(json_object_get(json, "id"));
	const char *signal = json_string_value(json_object_get(json, "signal"));
	Command		command = {
		.kind = COMMAND_REVOKE,
		.terminate = json_is_true(json_object_get(json, "terminate")),
		.signo = signal ? command_signal(signal) : SIGTERM,
	};

	if (id == NULL || !uuid_parse(id, &command.id) || command.signo == 0)
		command.kind = COMMAND_UNKNOWN;
	return command;
}

Command
command_parse(const char *payload)
{
	json_t	   *json = json_loads(payload, 0, NULL);
	const char *name = json_string_value(json_object_get(json, "command"));
	Command		command = {.kind = COMMAND_UNKNOWN};

	if (name != NULL && strcmp(name, "revoke") == 0)
		command = command_parse_revoke(json);
	else if (name != NULL && strcmp(name, "shutdown") == 0)
		command.kind = COMMAND_SHUTDOWN;
	json_decref(json);
	return command;
}
