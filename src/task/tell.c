/*
 * tell.c
 *		Pools are told that there is something to ask for.
 */
#include "task/tell.h"

#include "commands/async.h"
#include "common/md5.h"
#include "lib/stringinfo.h"

#include "base/uuid.h"

/* A worker LISTENs to this channel; its name may be too long to be one. */
static char *
worker_channel(const char *worker)
{
	char		digest[33];		/* 32 hexadecimal digits */
	const char *error = NULL;

	if (!pg_md5_hash(worker, strlen(worker), digest, &error))
		elog(ERROR, "could not hash a worker's name: %s", error);
	return psprintf("%s%s", CELERIAC_WORKER_CHANNEL, digest);
}

void
celeriac_tell_worker(const char *worker, const pg_uuid_t *id, bool terminate,
					 const char *signal)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfo(&payload,
					 "{\"command\":\"revoke\",\"id\":\"%s\",\"terminate\":%s,\"signal\":\"%s\"}",
					 celeriac_uuid_text(id), terminate ? "true" : "false", signal);
	Async_Notify(worker_channel(worker), payload.data);
}
