/*
 * register.c
 *		Telling the server that this worker is there, and hearing its commands.
 */
#include "pool/register.h"

#include <stdio.h>
#include <unistd.h>

#include "server/answer.h"

static Params register_params;	/* scratch */

void
register_heartbeat(Link *link, const Registration *self, const char *state,
				   LinkAnswer answer, void *data)
{
	Params	   *params = &register_params;
	char		info[64];

	snprintf(info, sizeof(info), "{\"pid\":%d}", (int) getpid());
	params_reset(params);
	params_text(params, text_of(self->worker));
	params_text_array(params, self->queues, self->nqueues);
	params_int32(params, self->concurrency);
	params_text(params, text_of(state));
	params_jsonb(params, text_of(info));
	link_request(link, &statement_heartbeat, params, answer, data);
}

void
register_queues(Link *link, const Registration *self)
{
	for (int i = 0; i < self->nqueues; i++)
	{
		params_reset(&register_params);
		params_text(&register_params, text_of(self->queues[i]));
		link_request(link, &statement_create_queue, &register_params,
					 answer_ignore, "creating a queue");
	}
}

static void
register_channel_known(void *data, const PGresult *result)
{
	Link	   *link = data;
	char		sql[256];

	if (result == NULL || !answer_succeeded(result) || PQntuples(result) == 0)
	{
		answer_ignore("asking for the name of the command channel", result);
		return;
	}
	snprintf(sql, sizeof(sql), "%s%s", STATEMENT_LISTEN,
			 PQgetvalue(result, 0, 0));
	link_query(link, sql, 0, NULL, answer_ignore, "listening for commands");
}

void
register_commands(Link *link, const Registration *self)
{
	params_reset(&register_params);
	params_text(&register_params, text_of(self->worker));
	link_request(link, &statement_channel, &register_params,
				 register_channel_known, link);
}
