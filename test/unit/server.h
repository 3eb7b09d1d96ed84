/*
 * server.h
 *		Unit tests that talk to a real server: test/t/017_server.pl starts it and
 *		them.
 *
 * The first argument is how to connect as superuser, the second as the role
 * "pool", the third to a database without the extension.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/answer.h"
#include "server/session.h"
#include "tap.h"

#define SERVER_PATIENCE	(60 * CLOCK_SECOND)

static PGconn *server_admin;

static inline void
server_connect(const char *conninfo)
{
	/* the links are told apart by their names */
	unsetenv("PGAPPNAME");
	server_admin = PQconnectdb(conninfo);
	if (PQstatus(server_admin) != CONNECTION_OK)
	{
		printf("Bail out! %s", PQerrorMessage(server_admin));
		exit(1);
	}
	log_open(NULL, LOG_LEVEL_ERROR, false);
}

/* What the superuser is answered: the first value, or "". */
static inline const char *
server_sql(const char *sql)
{
	static char value[256];
	PGresult   *result = PQexec(server_admin, sql);

	value[0] = '\0';
	if (!answer_succeeded(result))
		printf("# %s: %s", sql, PQerrorMessage(server_admin));
	else if (PQntuples(result) > 0)
		snprintf(value, sizeof(value), "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return value;
}

/* Let the links work until the condition holds; false when it does not come. */
static inline bool
server_until(Link **links, int nlinks, bool (*condition) (void))
{
	int64_t		end = clock_mono() + SERVER_PATIENCE;

	while (!condition())
	{
		struct pollfd fds[4];

		if (clock_mono() > end)
			return false;
		for (int i = 0; i < nlinks; i++)
		{
			link_tick(links[i], clock_mono());
			link_fd(links[i], &fds[i]);
		}
		if (poll(fds, (nfds_t) nlinks, 5) > 0)
			for (int i = 0; i < nlinks; i++)
				link_handle(links[i], &fds[i]);
	}
	return true;
}

#endif							/* SERVER_H */
