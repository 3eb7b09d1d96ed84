/*
 * test_wire.c
 *		wire.c: PostgreSQL's binary formats; command.c: what it sends us.
 */
#include "server/wire.h"

#include <signal.h>

#include "pool/command.h"
#include "tap.h"

/* Compare a buffer with bytes given in hex, and empty it. */
static void
expect(Buffer *buffer, const char *hex, const char *name)
{
	char		got[1024] = "";
	size_t		length = buffer_length(buffer);

	for (size_t i = 0; i < length && i < sizeof(got) / 2 - 1; i++)
		snprintf(got + 2 * i, 3, "%02x",
				 (unsigned char) buffer_head(buffer)[i]);
	is(got, hex, name);
	buffer_consume(buffer, length);
}

static void
test_fields(void)
{
	Buffer		b = {0};
	Uuid		uuid;

	uuid_parse("00010203-0405-0607-0809-0a0b0c0d0e0f", &uuid);
	wire_put_int32(&b, -2);
	expect(&b, "fffffffe", "int4");
	wire_put_int64(&b, INT64_C(0x0102030405060708));
	expect(&b, "0102030405060708", "int8");
	wire_put_int64(&b, -1);
	expect(&b, "ffffffffffffffff", "negative int8");
	wire_put_int32_field(&b, 5);
	expect(&b, "0000000400000005", "int4 field");
	wire_put_uuid_field(&b, &uuid);
	expect(&b, "00000010000102030405060708090a0b0c0d0e0f", "uuid field");
	wire_put_text_field(&b, text_of("ab"));
	expect(&b, "000000026162", "text field");
	wire_put_text_field(&b, text_of(""));
	expect(&b, "00000000", "empty text field");
	wire_put_text_field(&b, TEXT_NULL);
	expect(&b, "ffffffff", "NULL");
	wire_put_jsonb_field(&b, text_of("{}"));
	expect(&b, "00000003017b7d", "jsonb field");
	wire_put_time_field(&b, INT64_C(946684800000001));
	expect(&b, "000000080000000000000001", "2000-01-01 and a microsecond");
	wire_put_time_field(&b, 0);
	expect(&b, "ffffffff", "no time");
	wire_put_interval_field(&b, 1.5);
	expect(&b, "00000010000000000016e3600000000000000000", "interval");
	wire_put_interval_field(&b, -1);
	expect(&b, "ffffffff", "no interval");
	wire_put_interval_field(&b, 0);
	expect(&b, "0000001000000000000000000000000000000000", "no time at all");
	wire_put_array(&b, WIRE_UUID, 0);
	expect(&b, "000000000000000000000b86", "empty array");
	buffer_free(&b);
}

static void
test_arrays(void)
{
	Buffer		b = {0};
	Uuid		in[3];
	Uuid		out[3];

	memset(in, 0, sizeof(in));
	in[2].bytes[15] = 9;
	wire_put_array(&b, WIRE_UUID, 3);
	for (int i = 0; i < 3; i++)
		wire_put_uuid_field(&b, &in[i]);
	is_int(wire_get_uuid_array(buffer_head(&b), buffer_length(&b), out, 3), 3,
		   "an array comes back");
	ok(uuid_equal(&out[2], &in[2]), "... with its last element");
	is_int(wire_get_uuid_array(buffer_head(&b), buffer_length(&b), out, 2), -1,
		   "more than expected");
	is_int(wire_get_uuid_array(buffer_head(&b), buffer_length(&b) - 1, out, 3),
		   -1, "cut off");
	is_int(wire_get_uuid_array("", 0, out, 3), -1, "nothing");
	buffer_consume(&b, buffer_length(&b));
	wire_put_array(&b, WIRE_UUID, 0);
	is_int(wire_get_uuid_array(buffer_head(&b), buffer_length(&b), out, 3), 0,
		   "an empty array");
	ok(wire_get_jsonb("\2{}", 3).data == NULL, "jsonb of the future");
	is_int((long long) wire_get_jsonb("\1{}", 3).length, 2, "jsonb");
	buffer_free(&b);
}

static void
test_commands(void)
{
	Command		command;

	command = command_parse("{\"command\":\"revoke\",\"id\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"terminate\":true,\"signal\":\"KILL\"}");
	ok(command.kind == COMMAND_REVOKE && command.terminate &&
	   command.signo == SIGKILL && command.id.bytes[15] == 15, "revoke");
	command = command_parse("{\"command\":\"revoke\",\"id\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\"}");
	ok(command.kind == COMMAND_REVOKE && !command.terminate &&
	   command.signo == SIGTERM, "revoke without terminate");
	is_int(command_parse("{\"command\":\"revoke\",\"id\":\"x\"}").kind,
		   COMMAND_UNKNOWN, "revoke of nothing");
	is_int(command_parse("{\"command\":\"revoke\",\"id\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"signal\":\"NONE\"}").kind,
		   COMMAND_UNKNOWN, "an unknown signal");
	is_int(command_parse("{\"command\":\"shutdown\"}").kind, COMMAND_SHUTDOWN,
		   "shutdown");
	is_int(command_parse("{\"command\":\"dance\"}").kind, COMMAND_UNKNOWN,
		   "a command of the future");
	is_int(command_parse("[]").kind, COMMAND_UNKNOWN, "no object");
	is_int(command_parse("nonsense").kind, COMMAND_UNKNOWN, "no JSON");
	is_int(command_signal("SIGusr2"), SIGUSR2, "a signal by its long name");
}

int
main(void)
{
	test_fields();
	test_arrays();
	test_commands();
	return tap_done();
}
