/*
 * command.h
 *		Control commands: JSON that the server sends by NOTIFY.
 */
#ifndef CELERIAC_WORKER_POOL_COMMAND_H
#define CELERIAC_WORKER_POOL_COMMAND_H

#include <stdbool.h>

#include "base/text.h"

typedef enum CommandKind
{
	COMMAND_REVOKE,
	COMMAND_SHUTDOWN,			/* warm */
	COMMAND_UNKNOWN				/* of a newer server, or nonsense */
} CommandKind;

typedef struct Command
{
	CommandKind kind;
	Uuid		id;				/* of revoke */
	bool		terminate;
	int			signo;
} Command;

extern Command command_parse(const char *payload);

/* "TERM", "SIGTERM", "term"; 0 when there is no such signal. */
extern int	command_signal(const char *name);

#endif							/* CELERIAC_WORKER_POOL_COMMAND_H */
