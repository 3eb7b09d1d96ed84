/*
 * link.h
 *		One connection to the server that never blocks and never gives up.
 *
 * Requests are sent in libpq's pipeline mode, each with its own Sync, so each
 * is a transaction of its own and several can be on their way.  Answers come
 * back in that order.  When the connection breaks every open request is
 * answered with NULL, and the link connects again after a pause that grows.
 */
#ifndef CELERIAC_WORKER_SERVER_LINK_H
#define CELERIAC_WORKER_SERVER_LINK_H

#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/params.h"
#include "server/statements.h"

/*
 * The answer to a request: a result, which may be an error, or NULL when the
 * connection broke first (whether it was carried out is not known then).
 */
typedef void (*LinkAnswer) (void *data, const PGresult *result);

typedef struct LinkHost
{
	/* connected; the session has not been greeted yet */
	void		(*up) (void *data);
	/* broken; called after the open requests were answered */
	void		(*down) (void *data);
	void		(*notify) (void *data, const char *payload);
	void	   *data;
} LinkHost;

typedef struct Link Link;

/* label: for the log.  The strings must live as long as the link. */
extern Link *link_new(const char *label, const char *conninfo, const char *application, const LinkHost *host);
extern void link_free(Link *link);

/* Send a request.  Not connected, it is answered by NULL at once. */
extern void link_request(Link *link, const Statement *statement, const Params *params, LinkAnswer answer, void *data);

/*
 * Two statements in one transaction and with one answer: the second one's, or
 * the error of the first.
 */
extern void link_request_both(Link *link, const Statement *first, const Params *first_params, const Statement *second, const Params *second_params, LinkAnswer answer, void *data);

/* A request with SQL text and text parameters, for rare occasions. */
extern void link_query(Link *link, const char *sql, int nparams, const char *const *params, LinkAnswer answer, void *data);

/*
 * Ask the server to cancel what this session is doing; does not wait.  When
 * that fails the log says so: ask again.
 */
extern void link_cancel(Link *link);

/* Drop the connection, with a reason for the log, and connect again later. */
extern void link_fail(Link *link, const char *reason);

/* The session works as it should: the next pause starts small again. */
extern void link_succeeded(Link *link);

extern bool link_is_connected(const Link *link);

/* For poll(); fd is -1 when there is nothing to wait for. */
extern void link_fd(Link *link, struct pollfd *fd);
extern void link_handle(Link *link, const struct pollfd *fd);

/* Connect when it is time; returns when to come again. */
extern int64_t link_tick(Link *link, int64_t now);

/* In a child: close the socket without a word to the server. */
extern void link_abandon(Link *link);

#endif							/* CELERIAC_WORKER_SERVER_LINK_H */
