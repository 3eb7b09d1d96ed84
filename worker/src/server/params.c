/*
 * params.c
 *		Parameters of a request, binary.
 */
#include "server/params.h"

#include <assert.h>

#include "server/wire.h"

void
params_reset(Params *params)
{
	buffer_consume(&params->bytes, buffer_length(&params->bytes));
	params->count = 0;
}

void
params_end(Params *params)
{
	assert(params->count < STATEMENT_PARAMS_MAX);
	params->nulls[params->count] = false;
	params->ends[params->count++] = buffer_length(&params->bytes);
}

static void
params_null(Params *params)
{
	params_end(params);
	params->nulls[params->count - 1] = true;
}

void
params_text(Params *params, Text value)
{
	buffer_append(&params->bytes, value.data, value.length);
	params_end(params);
	params->nulls[params->count - 1] = value.data == NULL;
}

void
params_int32(Params *params, int32_t value)
{
	wire_put_int32(&params->bytes, value);
	params_end(params);
}

void
params_uuid(Params *params, const Uuid *value)
{
	buffer_append(&params->bytes, value->bytes, sizeof(value->bytes));
	params_end(params);
}

void
params_jsonb(Params *params, Text value)
{
	static const char version = 1;

	if (value.data == NULL)
	{
		params_null(params);
		return;
	}
	buffer_append(&params->bytes, &version, 1);
	params_text(params, value);
}

void
params_text_array(Params *params, char *const *values, int count)
{
	wire_put_array(&params->bytes, WIRE_TEXT, count);
	for (int i = 0; i < count; i++)
		wire_put_text_field(&params->bytes, text_of(values[i]));
	params_end(params);
}
