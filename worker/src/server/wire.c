/*
 * wire.c
 *		PostgreSQL's binary formats of the types we exchange with it.
 */
#include "server/wire.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/clock.h"

/* from 1970 to 2000, PostgreSQL's epoch */
#define WIRE_EPOCH	(INT64_C(946684800) * CLOCK_SECOND)

#define WIRE_JSONB_VERSION	1

void
wire_put_int32(Buffer *buffer, int32_t value)
{
	uint32_t	net = htonl((uint32_t) value);

	buffer_append(buffer, &net, sizeof(net));
}

void
wire_put_int64(Buffer *buffer, int64_t value)
{
	wire_put_int32(buffer, (int32_t) (uint32_t) ((uint64_t) value >> 32));
	wire_put_int32(buffer, (int32_t) (uint32_t) (uint64_t) value);
}

void
wire_put_array(Buffer *buffer, uint32_t element_type, int count)
{
	wire_put_int32(buffer, count > 0 ? 1 : 0);	/* dimensions */
	wire_put_int32(buffer, 0);	/* no NULLs: receivers do not rely on it */
	wire_put_int32(buffer, (int32_t) element_type);
	if (count == 0)
		return;
	wire_put_int32(buffer, count);
	wire_put_int32(buffer, 1);	/* lower bound */
}

static void
wire_put_null(Buffer *buffer)
{
	wire_put_int32(buffer, -1);
}

void
wire_put_int32_field(Buffer *buffer, int32_t value)
{
	wire_put_int32(buffer, sizeof(value));
	wire_put_int32(buffer, value);
}

void
wire_put_uuid_field(Buffer *buffer, const Uuid *value)
{
	wire_put_int32(buffer, sizeof(value->bytes));
	buffer_append(buffer, value->bytes, sizeof(value->bytes));
}

void
wire_put_text_field(Buffer *buffer, Text value)
{
	if (value.data == NULL)
	{
		wire_put_null(buffer);
		return;
	}
	wire_put_int32(buffer, (int32_t) value.length);
	buffer_append(buffer, value.data, value.length);
}

void
wire_put_jsonb_field(Buffer *buffer, Text value)
{
	static const char version = WIRE_JSONB_VERSION;

	if (value.data == NULL)
	{
		wire_put_null(buffer);
		return;
	}
	wire_put_int32(buffer, (int32_t) value.length + 1);
	buffer_append(buffer, &version, 1);
	buffer_append(buffer, value.data, value.length);
}

void
wire_put_time_field(Buffer *buffer, int64_t value)
{
	if (value == 0)
	{
		wire_put_null(buffer);
		return;
	}
	wire_put_int32(buffer, sizeof(value));
	wire_put_int64(buffer, value - WIRE_EPOCH);
}

void
wire_put_interval_field(Buffer *buffer, double seconds)
{
	if (!(seconds >= 0))
	{
		wire_put_null(buffer);
		return;
	}
	if (seconds > 1e11)			/* some 3000 years */
		seconds = 1e11;
	wire_put_int32(buffer, 16);
	wire_put_int64(buffer, (int64_t) (seconds * CLOCK_SECOND));
	wire_put_int32(buffer, 0);	/* days */
	wire_put_int32(buffer, 0);	/* months */
}

int32_t
wire_get_int32(const char *bytes)
{
	uint32_t	net;

	memcpy(&net, bytes, sizeof(net));
	return (int32_t) ntohl(net);
}

Uuid
wire_get_uuid(const char *bytes)
{
	Uuid		uuid;

	memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
	return uuid;
}

Text
wire_get_jsonb(const char *bytes, size_t length)
{
	if (length < 1 || bytes[0] != WIRE_JSONB_VERSION)
		return TEXT_NULL;
	return (Text) {bytes + 1, length - 1};
}

int
wire_get_uuid_array(const char *bytes, size_t length, Uuid *out, int max)
{
	const size_t header = 5 * sizeof(int32_t);
	const size_t element = sizeof(int32_t) + sizeof(Uuid);
	int			count;

	if (length < 3 * sizeof(int32_t))
		return -1;
	if (wire_get_int32(bytes) == 0)
		return 0;
	if (length < header || wire_get_int32(bytes) != 1)
		return -1;
	count = wire_get_int32(bytes + 12);
	if (count < 0 || count > max ||
		length != header + (size_t) count * element)
		return -1;
	for (int i = 0; i < count; i++)
		out[i] = wire_get_uuid(bytes + header + (size_t) i * element + 4);
	return count;
}
