/*
 * params.h
 *		Parameters of a request, binary.
 *
 * Put a value at the end of bytes, then tell where it ended.
 */
#ifndef CELERIAC_WORKER_SERVER_PARAMS_H
#define CELERIAC_WORKER_SERVER_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/text.h"
#include "server/statements.h"

typedef struct Params
{
	Buffer		bytes;
	size_t		ends[STATEMENT_PARAMS_MAX];
	bool		nulls[STATEMENT_PARAMS_MAX];
	int			count;
} Params;

extern void params_reset(Params *params);
extern void params_end(Params *params);
extern void params_text(Params *params, Text value);
extern void params_int32(Params *params, int32_t value);
extern void params_uuid(Params *params, const Uuid *value);
extern void params_jsonb(Params *params, Text value);
extern void params_text_array(Params *params, char *const *values, int count);

#endif							/* CELERIAC_WORKER_SERVER_PARAMS_H */
