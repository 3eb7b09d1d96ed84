/*
 * test_command.c
 *		command.c: what the server sends by NOTIFY.
 *
 * Guards against what anyone may send: NOTIFY needs no right, so a payload that
 * is nonsense, or of a newer server, must change nothing.
 */
#include "pool/command.h"

#include <signal.h>

#include "sdk/shared.h"
#include "tap.h"

#define ID "00112233-4455-6677-8899-aabbccddeeff"

static void
test_revoke(void)
{
	Command		command = command_parse("{\"command\":\"revoke\",\"id\":\"" ID "\",\"terminate\":false,\"signal\":\"TERM\"}");
	char		id[UUID_TEXT_SIZE];

	is_int(command.kind, COMMAND_REVOKE, "a revoke");
	uuid_format(&command.id, id);
	is(id, ID, "of this task");
	ok(!command.terminate, "which may go on");
	command = command_parse("{\"command\":\"revoke\",\"id\":\"" ID "\",\"terminate\":true,\"signal\":\"KILL\"}");
	ok(command.terminate, "a revoke that terminates");
	is_int(command.signo, SIGKILL, "by this signal");
	command = command_parse("{\"command\":\"revoke\",\"id\":\"" ID "\",\"terminate\":true}");
	is_int(command.signo, SIGTERM, "by TERM when none is named");
}

static void
test_others(void)
{
	static const char *const unknown[] = {
		"",
		"revoke",
		"[]",
		"\"revoke\"",
		"{}",
		"{\"command\":1}",
		"{\"command\":\"levitate\"}",
		"{\"command\":\"revoke\"}",
		"{\"command\":\"revoke\",\"id\":7}",
		"{\"command\":\"revoke\",\"id\":\"no id\"}",
		"{\"command\":\"revoke\",\"id\":\"" ID "\",\"signal\":\"SEGV\"}",
		"{\"command\":\"revoke\",\"id\":\"" ID "\"",
	};

	is_int(command_parse("{\"command\":\"shutdown\"}").kind, COMMAND_SHUTDOWN,
		   "a shutdown");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		ok(command_parse(unknown[i]).kind == COMMAND_UNKNOWN,
		   "unknown: %s", unknown[i]);
}

#define CHECK_SIGNAL(name) \
	is_int(command_signal(#name), SIG##name, "the signal " #name);

static void
test_signals(void)
{
	CELERIAC_SIGNALS(CHECK_SIGNAL)
		is_int(command_signal("SIGUSR1"), SIGUSR1, "its long name");
	is_int(command_signal("sigusr1"), SIGUSR1, "in small letters");
	is_int(command_signal("SEGV"), 0, "one that is not offered");
	is_int(command_signal(""), 0, "none");
	is_int(command_signal("SIG"), 0, "half a name");
}

int
main(void)
{
	test_revoke();
	test_others();
	test_signals();
	return tap_done();
}
