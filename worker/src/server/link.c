/*
 * link.c
 *		One connection to the server that never blocks and never gives up.
 */
#include "server/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "base/mem.h"

#define LINK_PAUSE_FIRST	(50 * CLOCK_MS)
#define LINK_PAUSE_MAX		(4 * CLOCK_SECOND)
#define LINK_CONNECT_TIME	(15 * CLOCK_SECOND)

/* statements that can be prepared on one connection */
#define LINK_PREPARED_MAX	16

typedef enum LinkState
{
	LINK_DOWN,					/* until retry_at */
	LINK_CONNECTING,			/* until connected, or deadline */
	LINK_UP
} LinkState;

typedef struct LinkOpen
{
	struct LinkOpen *next;
	const Statement *preparing; /* all it does is to prepare this; or NULL */
	LinkAnswer	answer;
	void	   *data;
	PGresult   *result;			/* what came so far */
} LinkOpen;

struct Link
{
	const char *label;
	const char *conninfo;
	const char *application;
	LinkHost	host;
	LinkState	state;
	PGconn	   *conn;
	PostgresPollingStatusType polling;
	int64_t		deadline;		/* of connecting */
	int64_t		retry_at;
	int64_t		pause;			/* before the next attempt */
	bool		wants_write;
	LinkOpen   *first;			/* open requests, oldest first */
	LinkOpen  **end;
	const Statement *prepared[LINK_PREPARED_MAX];
	int			nprepared;
};

Link *
link_new(const char *label, const char *conninfo, const char *application,
		 const LinkHost *host)
{
	Link	   *link = mem_zalloc(sizeof(Link));

	link->label = label;
	link->conninfo = conninfo;
	link->application = application;
	link->host = *host;
	link->pause = LINK_PAUSE_FIRST;
	link->end = &link->first;
	return link;
}

void
link_free(Link *link)
{
	PQfinish(link->conn);
	while (link->first != NULL)
	{
		LinkOpen   *open = link->first;

		link->first = open->next;
		PQclear(open->result);
		free(open);
	}
	free(link);
}

/*
 * Losing the connection
 */

/* Answer every open request with NULL; none of them may send another one. */
static void
link_answer_all(Link *link)
{
	LinkOpen   *open = link->first;

	link->first = NULL;
	link->end = &link->first;
	while (open != NULL)
	{
		LinkOpen   *next = open->next;

		if (open->answer != NULL)
			open->answer(open->data, NULL);
		PQclear(open->result);
		free(open);
		open = next;
	}
}

/* libpq's messages end in a newline and may have several lines. */
static void
link_log_failure(Link *link, const char *reason)
{
	log_write(LOG_LEVEL_WARNING, "%s connection: %s; trying again in %.2f s",
			  link->label, reason,
			  (double) (link->retry_at - clock_mono()) / CLOCK_SECOND);
}

void
link_fail(Link *link, const char *reason)
{
	bool		was_up = link->state == LINK_UP;
	int64_t		jitter = link->pause / 2 + random() % (link->pause / 2 + 1);

	link->retry_at = clock_mono() + jitter;
	link_log_failure(link, reason);
	link->pause = link->pause * 2 < LINK_PAUSE_MAX ? link->pause * 2
		: LINK_PAUSE_MAX;
	PQfinish(link->conn);
	link->conn = NULL;
	link->state = LINK_DOWN;
	link->nprepared = 0;
	link_answer_all(link);
	if (was_up)
		link->host.down(link->host.data);
}

static void
link_fail_libpq(Link *link)
{
	char		reason[512];
	size_t		length;

	strncpy(reason, PQerrorMessage(link->conn), sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	length = strlen(reason);
	while (length > 0 && reason[length - 1] == '\n')
		reason[--length] = '\0';
	link_fail(link, length > 0 ? reason : "the server closed the connection");
}

void
link_succeeded(Link *link)
{
	link->pause = LINK_PAUSE_FIRST;
}

bool
link_is_connected(const Link *link)
{
	return link->state == LINK_UP;
}

void
link_abandon(Link *link)
{
	if (link->conn != NULL && PQsocket(link->conn) >= 0)
		close(PQsocket(link->conn));
}

/*
 * Connecting
 */

static void
link_notice(void *data, const char *message)
{
	const Link *link = data;

	log_write(LOG_LEVEL_DEBUG, "%s connection: %s", link->label, message);
}

static void
link_connect(Link *link)
{
	/* the later ones win: what the user says beats the first group */
	const char *const keys[] = {
		"keepalives_idle", "keepalives_interval", "keepalives_count",
		"fallback_application_name",
		"dbname",
	"client_encoding", NULL};
	const char *const values[] = {
		"30", "10", "3",
		link->application,
		link->conninfo,
	"UTF8", NULL};

	link->conn = PQconnectStartParams(keys, values, 1);
	if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD)
	{
		link_fail_libpq(link);
		return;
	}
	PQsetNoticeProcessor(link->conn, link_notice, link);
	link->state = LINK_CONNECTING;
	link->polling = PGRES_POLLING_WRITING;
	link->deadline = clock_mono() + LINK_CONNECT_TIME;
}

static void
link_continue_connect(Link *link)
{
	link->polling = PQconnectPoll(link->conn);
	if (link->polling == PGRES_POLLING_FAILED)
	{
		link_fail_libpq(link);
		return;
	}
	if (link->polling != PGRES_POLLING_OK)
		return;
	if (PQsetnonblocking(link->conn, 1) != 0 ||
		PQenterPipelineMode(link->conn) != 1)
	{
		link_fail_libpq(link);
		return;
	}
	link->state = LINK_UP;
	link->wants_write = false;
	link->host.up(link->host.data);
}

int64_t
link_tick(Link *link, int64_t now)
{
	if (link->state == LINK_DOWN && now >= link->retry_at)
		link_connect(link);
	if (link->state == LINK_CONNECTING && now >= link->deadline)
		link_fail(link, "connecting takes too long");
	if (link->state == LINK_UP)
		return CLOCK_NEVER;
	return link->state == LINK_DOWN ? link->retry_at : link->deadline;
}

/*
 * Requests
 */

static LinkOpen *
link_open(Link *link, LinkAnswer answer, void *data)
{
	LinkOpen   *open = mem_zalloc(sizeof(LinkOpen));

	open->answer = answer;
	open->data = data;
	*link->end = open;
	link->end = &open->next;
	return open;
}

static bool
link_is_prepared(const Link *link, const Statement *statement)
{
	for (int i = 0; i < link->nprepared; i++)
		if (link->prepared[i] == statement)
			return true;
	return false;
}

/*
 * Preparing is a request of its own, so that an error of what is executed
 * leaves no doubt about what is prepared.
 */
static bool
link_prepare(Link *link, const Statement *statement)
{
	LinkOpen   *open;

	if (statement->name == NULL || link_is_prepared(link, statement))
		return true;
	if (link->nprepared < LINK_PREPARED_MAX)
		link->prepared[link->nprepared++] = statement;
	open = link_open(link, NULL, NULL);
	open->preparing = statement;
	return PQsendPrepare(link->conn, statement->name, statement->sql,
						 statement->nparams, statement->types) == 1 &&
		PQpipelineSync(link->conn) == 1;
}

static bool
link_send(Link *link, const Statement *statement, const Params *params)
{
	const char *values[STATEMENT_PARAMS_MAX];
	int			lengths[STATEMENT_PARAMS_MAX];
	int			formats[STATEMENT_PARAMS_MAX];
	size_t		start = 0;

	for (int i = 0; i < statement->nparams; i++)
	{
		values[i] = params->nulls[i] ? NULL
			: buffer_head(&params->bytes) + start;
		lengths[i] = (int) (params->ends[i] - start);
		formats[i] = 1;
		/* a pointer that is not NULL, also for an empty value in no memory */
		if (!params->nulls[i] && values[i] == NULL)
			values[i] = "";
		start = params->ends[i];
	}
	if (statement->name == NULL)
		return PQsendQueryParams(link->conn, statement->sql,
								 statement->nparams, statement->types,
								 values, lengths, formats, 1) == 1;
	return PQsendQueryPrepared(link->conn, statement->name,
							   statement->nparams, values, lengths, formats,
							   1) == 1;
}

static void
link_flush(Link *link)
{
	int			rc = PQflush(link->conn);

	link->wants_write = rc > 0;
	/* rc < 0: reading will find out and has the server's last words */
}

static void
link_sync(Link *link, bool sent)
{
	if (!sent || PQpipelineSync(link->conn) != 1)
		link_fail_libpq(link);
	else
		link_flush(link);
}

void
link_request(Link *link, const Statement *statement, const Params *params,
			 LinkAnswer answer, void *data)
{
	bool		sent;

	if (link->state != LINK_UP)
	{
		answer(data, NULL);
		return;
	}
	sent = link_prepare(link, statement);
	link_open(link, answer, data);
	link_sync(link, sent && link_send(link, statement, params));
}

void
link_request_both(Link *link, const Statement *first,
				  const Params *first_params, const Statement *second,
				  const Params *second_params, LinkAnswer answer,
				  void *data)
{
	bool		sent;

	if (link->state != LINK_UP)
	{
		answer(data, NULL);
		return;
	}
	sent = link_prepare(link, first) && link_prepare(link, second);
	link_open(link, answer, data);
	link_sync(link, sent && link_send(link, first, first_params) &&
			  link_send(link, second, second_params));
}

void
link_query(Link *link, const char *sql, int nparams, const char *const *params,
		   LinkAnswer answer, void *data)
{
	if (link->state != LINK_UP)
	{
		answer(data, NULL);
		return;
	}
	link_open(link, answer, data);
	link_sync(link, PQsendQueryParams(link->conn, sql, nparams, NULL, params,
									  NULL, NULL, 1) == 1);
}

static void
link_log_cancel(const Link *link, const char *reason)
{
	log_write(LOG_LEVEL_WARNING, "%s connection: cannot cancel: %.*s",
			  link->label, (int) strcspn(reason, "\n"), reason);
}

/* In a process of its own, which is why it says itself what went wrong. */
static void
link_send_cancel(const Link *link, PGcancel *cancel)
{
	char		error[256];

	if (PQcancel(cancel, error, sizeof(error)) != 0)
		_exit(EXIT_OK);
	link_log_cancel(link, error);
	_exit(EXIT_SYSTEM);
}

/*
 * PQcancel() opens a connection of its own and blocks, so a process of its own
 * does it; the supervisor reaps it as it reaps children.
 */
void
link_cancel(Link *link)
{
	PGcancel   *cancel;
	pid_t		pid;

	if (link->state != LINK_UP)
		return;
	cancel = PQgetCancel(link->conn);
	if (cancel == NULL)
	{
		link_log_cancel(link, "out of memory");
		return;
	}
	log_flush();
	pid = fork();
	if (pid == 0)
		link_send_cancel(link, cancel);
	if (pid < 0)
		link_log_cancel(link, strerror(errno));
	PQfreeCancel(cancel);
}

/*
 * Answers
 */

static bool
link_is_error(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* Keep the last result of a request, but never one that comes after an error. */
static void
link_keep_result(LinkOpen *open, PGresult *result)
{
	if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED ||
		(open->result != NULL && link_is_error(open->result)))
	{
		PQclear(result);
		return;
	}
	PQclear(open->result);
	open->result = result;
}

/* What is executed next will fail as well; here is why. */
static void
link_note_prepared(Link *link, const Statement *statement,
				   const PGresult *result)
{
	if (result != NULL && !link_is_error(result))
		return;
	log_write(LOG_LEVEL_ERROR, "%s connection: cannot prepare %s: %s",
			  link->label, statement->name, PQresultErrorMessage(result));
	for (int i = 0; i < link->nprepared; i++)
		if (link->prepared[i] == statement)
			link->prepared[i] = link->prepared[--link->nprepared];
}

/* The Sync of the oldest request came back: it is done. */
static void
link_complete(Link *link)
{
	LinkOpen   *open = link->first;

	link->first = open->next;
	if (link->first == NULL)
		link->end = &link->first;
	if (open->preparing != NULL)
		link_note_prepared(link, open->preparing, open->result);
	else
		open->answer(open->data, open->result);
	PQclear(open->result);
	free(open);
}

static void
link_take_results(Link *link)
{
	while (link->state == LINK_UP && link->first != NULL &&
		   !PQisBusy(link->conn))
	{
		PGresult   *result = PQgetResult(link->conn);

		/* NULL ends one command of the pipeline */
		if (result == NULL)
		{
			if (PQstatus(link->conn) == CONNECTION_BAD)
				return;
			continue;
		}
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
		{
			PQclear(result);
			link_complete(link);
		}
		else
			link_keep_result(link->first, result);
	}
}

static void
link_take_notifies(Link *link)
{
	PGnotify   *notify;

	while (link->state == LINK_UP &&
		   (notify = PQnotifies(link->conn)) != NULL)
	{
		link->host.notify(link->host.data, notify->extra);
		PQfreemem(notify);
	}
}

static void
link_read(Link *link)
{
	int			ok = PQconsumeInput(link->conn);

	link_take_results(link);
	link_take_notifies(link);
	if (link->state == LINK_UP &&
		(!ok || PQstatus(link->conn) == CONNECTION_BAD))
		link_fail_libpq(link);
}

void
link_fd(Link *link, struct pollfd *fd)
{
	bool		write = link->state == LINK_UP ? link->wants_write
		: link->polling == PGRES_POLLING_WRITING;
	bool		read = link->state == LINK_UP ||
		link->polling == PGRES_POLLING_READING;

	fd->fd = link->state == LINK_DOWN ? -1 : PQsocket(link->conn);
	fd->events = (short) ((read ? POLLIN : 0) | (write ? POLLOUT : 0));
	fd->revents = 0;
}

void
link_handle(Link *link, const struct pollfd *fd)
{
	if (fd->revents == 0)
		return;
	if (link->state == LINK_CONNECTING)
		link_continue_connect(link);
	else if (link->state == LINK_UP)
	{
		if (fd->revents & POLLOUT)
			link_flush(link);
		link_read(link);
	}
}
