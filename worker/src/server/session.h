/*
 * session.h
 *		A connection whose session is what we need.
 *
 * When the link is up the server is greeted: is the extension here, may we
 * write?  What a session is for is not known here: its owner makes it ready.
 */
#ifndef CELERIAC_WORKER_SERVER_SESSION_H
#define CELERIAC_WORKER_SERVER_SESSION_H

#include "server/link.h"

typedef struct SessionHost
{
	/* the session is set up; make it ready */
	void		(*greeted) (void *data);
	/* this database has no celeriac; maybe it is being restored */
	void		(*refused) (void *data, const char *reason);
	/* the connection broke; called after the open requests were answered */
	void		(*down) (void *data);
	void		(*notify) (void *data, const char *payload);
	void	   *data;
} SessionHost;

typedef struct Session
{
	Link	   *link;
	SessionHost host;
	bool		greeted;
	bool		ready;			/* its owner says so, by session_set_ready() */
	unsigned	outcome_type;	/* oid of task_outcome */
} Session;

/* The strings, and the session itself, must stay where they are. */
extern void session_init(Session *session, const char *label, const char *conninfo, const char *application, const SessionHost *host);
extern void session_set_ready(Session *session);

#endif							/* CELERIAC_WORKER_SERVER_SESSION_H */
