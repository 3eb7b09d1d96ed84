/*
 * session.c
 *		A connection whose session is what we need.
 */
#include "server/session.h"

#include "server/answer.h"

static void
session_refuse(Session *session, const char *reason)
{
	session->host.refused(session->host.data, reason);
	link_fail(session->link, reason);
}

static void
session_greeted(void *data, const PGresult *result)
{
	Session    *session = data;

	if (result == NULL)
		return;
	if (!answer_succeeded(result))
	{
		answer_log_error("greeting the server", result);
		link_fail(session->link, "the session cannot be set up");
	}
	else if (PQntuples(result) == 0 || PQgetisnull(result, 0, GREET_OUTCOME_TYPE))
		session_refuse(session,
					   "the extension celeriac is not installed in this database (run CREATE EXTENSION celeriac)");
	else if (PQgetvalue(result, 0, GREET_IN_RECOVERY)[0] != 0)
		link_fail(session->link, "the server is a standby");
	else
	{
		session->outcome_type = (unsigned)
			answer_int32(result, 0, GREET_OUTCOME_TYPE, 0);
		session->greeted = true;
		session->host.greeted(session->host.data);
	}
}

static void
session_up(void *data)
{
	static const Params none;
	Session    *session = data;

	link_request(session->link, &statement_greet, &none, session_greeted,
				 session);
}

static void
session_down(void *data)
{
	Session    *session = data;

	session->greeted = false;
	session->ready = false;
	session->host.down(session->host.data);
}

static void
session_notify(void *data, const char *payload)
{
	Session    *session = data;

	session->host.notify(session->host.data, payload);
}

void
session_init(Session *session, const char *label, const char *conninfo,
			 const char *application, const SessionHost *host)
{
	LinkHost	link_host = {
		.up = session_up,
		.down = session_down,
		.notify = session_notify,
		.data = session,
	};

	*session = (Session) {.host = *host};
	session->link = link_new(label, conninfo, application, &link_host);
}

void
session_set_ready(Session *session)
{
	session->ready = true;
	link_succeeded(session->link);
}
