/*
 * answer.h
 *		Reading what the server answers.
 */
#ifndef CELERIAC_WORKER_SERVER_ANSWER_H
#define CELERIAC_WORKER_SERVER_ANSWER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

extern bool answer_succeeded(const PGresult *result);

/* what: "registering the worker" */
extern void answer_log_error(const char *what, const PGresult *result);

/* A LinkAnswer for what matters to nobody, unless it is an error; data: what */
extern void answer_ignore(void *data, const PGresult *result);

/* Columns of a binary result.  Texts point into it. */
extern Text answer_text(const PGresult *result, int row, int column);
extern Text answer_jsonb(const PGresult *result, int row, int column);
extern int32_t answer_int32(const PGresult *result, int row, int column, int32_t null_value);

/* False, and all zeros, for a null. */
extern bool answer_uuid(const PGresult *result, int row, int column, Uuid *uuid);

#endif							/* CELERIAC_WORKER_SERVER_ANSWER_H */
