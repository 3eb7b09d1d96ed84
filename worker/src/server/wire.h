/*
 * wire.h
 *		PostgreSQL's binary formats of the types we exchange with it.
 *
 * Values go in a Buffer in network byte order, exactly as the types' send and
 * receive functions have them, so nothing is ever escaped or quoted.
 */
#ifndef CELERIAC_WORKER_SERVER_WIRE_H
#define CELERIAC_WORKER_SERVER_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"

/* fixed for ever: catalog/pg_type.dat */
#define WIRE_INT4			23
#define WIRE_TEXT			25
#define WIRE_INT4_ARRAY		1007
#define WIRE_TEXT_ARRAY		1009
#define WIRE_TIMESTAMPTZ	1184
#define WIRE_TIMESTAMPTZ_ARRAY	1185
#define WIRE_INTERVAL		1186
#define WIRE_UUID			2950
#define WIRE_UUID_ARRAY		2951
#define WIRE_JSONB			3802
#define WIRE_JSONB_ARRAY	3807

extern void wire_put_int32(Buffer *buffer, int32_t value);
extern void wire_put_int64(Buffer *buffer, int64_t value);

/* The header of a one-dimensional array; its elements follow as fields. */
extern void wire_put_array(Buffer *buffer, uint32_t element_type, int count);

/* Fields: a length, then the value.  NULL texts become NULL. */
extern void wire_put_int32_field(Buffer *buffer, int32_t value);
extern void wire_put_uuid_field(Buffer *buffer, const Uuid *value);
extern void wire_put_text_field(Buffer *buffer, Text value);
extern void wire_put_jsonb_field(Buffer *buffer, Text value);

/* clock_wall() time; 0 = NULL */
extern void wire_put_time_field(Buffer *buffer, int64_t value);

/* seconds; negative = NULL */
extern void wire_put_interval_field(Buffer *buffer, double seconds);

/* Values of a result, given its bytes. */
extern int32_t wire_get_int32(const char *bytes);
extern Uuid wire_get_uuid(const char *bytes);
extern Text wire_get_jsonb(const char *bytes, size_t length);

/* The elements of a uuid array; returns how many, -1 when it is none. */
extern int	wire_get_uuid_array(const char *bytes, size_t length, Uuid *out, int max);

#endif							/* CELERIAC_WORKER_SERVER_WIRE_H */
