/*
 * answer.c
 *		Reading what the server answers.
 */
#include "server/answer.h"

#include <string.h>

#include "base/log.h"
#include "server/wire.h"

bool
answer_succeeded(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

/* The message without the newline that libpq ends it with. */
void
answer_log_error(const char *what, const PGresult *result)
{
	const char *message = PQresultErrorMessage(result);
	size_t		length = strcspn(message, "\n");

	log_write(LOG_LEVEL_ERROR, "%s: %.*s", what, (int) length, message);
}

void
answer_ignore(void *data, const PGresult *result)
{
	if (result != NULL && !answer_succeeded(result))
		answer_log_error(data, result);
}

Text
answer_text(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return TEXT_NULL;
	return (Text) {PQgetvalue(result, row, column),
				   (size_t) PQgetlength(result, row, column)};
}

Text
answer_jsonb(const PGresult *result, int row, int column)
{
	Text		value = answer_text(result, row, column);

	return value.data ? wire_get_jsonb(value.data, value.length) : value;
}

bool
answer_uuid(const PGresult *result, int row, int column, Uuid *uuid)
{
	if (PQgetisnull(result, row, column))
	{
		memset(uuid, 0, sizeof(*uuid));
		return false;
	}
	*uuid = wire_get_uuid(PQgetvalue(result, row, column));
	return true;
}

int32_t
answer_int32(const PGresult *result, int row, int column, int32_t null_value)
{
	if (PQgetisnull(result, row, column))
		return null_value;
	return wire_get_int32(PQgetvalue(result, row, column));
}
