/*
 * server_link.c
 *		link.c and session.c, over a real server.
 *
 * Guards the promise that each request is answered exactly once, in order, and
 * with its own result, whatever happens to the others and to the connection;
 * and that a session is used only after it was found to be what we need.
 */
#include "server.h"

#include <signal.h>

static Link *link_;
static int	ups;
static int	downs;
static char notified[64];

/* The answers in order: a value, an error's SQLSTATE, or "NULL". */
static char answers[512];
static int	nanswers;
static int	wanted;

static void
on_up(void *data)
{
	(void) data;
	ups++;
}

static void
on_down(void *data)
{
	(void) data;
	downs++;
	snprintf(answers + strlen(answers), sizeof(answers) - strlen(answers), " down");
}

static void
on_notify(void *data, const char *payload)
{
	(void) data;
	snprintf(notified, sizeof(notified), "%s", payload);
}

static void
on_answer(void *data, const PGresult *result)
{
	const char *text = "NULL";

	if (result != NULL && !answer_succeeded(result))
		text = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	else if (result != NULL)
		text = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "ok";
	snprintf(answers + strlen(answers), sizeof(answers) - strlen(answers),
			 " %s:%s", (const char *) data, text);
	nanswers++;
}

static bool
answered(void)
{
	return nanswers >= wanted;
}

static bool
connected(void)
{
	return link_is_connected(link_);
}

static bool
was_notified(void)
{
	return notified[0] != '\0';
}

static void
forget(int next)
{
	answers[0] = '\0';
	nanswers = 0;
	wanted = next;
}

static void
ask(const char *name, const char *sql)
{
	link_query(link_, sql, 0, NULL, on_answer, (void *) name);
}

static void
test_requests(void)
{
	static const Statement broken = {.name = "broken", .sql = "SELECT nonsense"};
	static const Statement text = {.name = "text", .sql = "SELECT 'x' || $1", .nparams = 1, .types = {WIRE_TEXT}};
	static const Statement fails = {.name = "fails", .sql = "SELECT 1 / length($1)", .nparams = 1, .types = {WIRE_TEXT}};
	static const Params none;
	Params		params = {0};
	Params		empty = {0};

	params_text(&params, text_of("yz"));
	params_text(&empty, text_of(""));
	forget(1);
	link_request(link_, &text, &params, on_answer, "early");
	is(answers, " early:NULL", "not connected, a request is answered at once");
	ok(server_until(&link_, 1, connected), "it connects by itself");

	forget(7);
	ask("a", "SELECT 'one'");
	ask("b", "SELECT 1 / 0");
	link_request(link_, &text, &params, on_answer, "c");
	link_request(link_, &broken, &none, on_answer, "d");
	link_request_both(link_, &fails, &empty, &text, &params, on_answer, "e");
	link_request_both(link_, &text, &empty, &text, &params, on_answer, "f");
	ask("g", "SELECT 'last'");
	ok(server_until(&link_, 1, answered), "all are answered");
	is(answers, " a:one b:22012 c:xyz d:26000 e:22012 f:xyz g:last",
	   "in order, each with its own result");

	forget(1);
	ask("listen", "LISTEN here");
	server_until(&link_, 1, answered);
	server_sql("NOTIFY here, 'hello'");
	ok(server_until(&link_, 1, was_notified), "a notification comes");
	is(notified, "hello", "with what it says");
	buffer_free(&params.bytes);
	buffer_free(&empty.bytes);
}

static bool
sleeps(void)
{
	return strcmp(server_sql("SELECT count(*) FROM pg_stat_activity"
							 " WHERE application_name = 'link' AND query LIKE '%pg_sleep%'"
							 " AND state = 'active'"), "1") == 0;
}

static void
test_break(void)
{
	static const Statement text = {.name = "text", .sql = "SELECT 'x' || $1", .nparams = 1, .types = {WIRE_TEXT}};
	Params		params = {0};

	params_text(&params, text_of("yz"));
	forget(2);
	ask("slept", "SELECT pg_sleep(600)");
	ask("next", "SELECT 'next'");
	ok(server_until(&link_, 1, sleeps), "it sleeps");
	link_cancel(link_);
	ok(server_until(&link_, 1, answered), "a cancel ends it");
	is(answers, " slept:57014 next:next", "and nothing else");

	forget(2);
	ask("slept", "SELECT pg_sleep(600)");
	ask("lost", "SELECT 'lost'");
	ok(server_until(&link_, 1, sleeps), "it sleeps again");
	server_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'link'");
	ok(server_until(&link_, 1, answered), "the end of the connection answers all");
	ok(strstr(answers, "lost:NULL down") != NULL,
	   "with NULL, and before the end is told:%s", answers);
	is_int(downs, 1, "which is told once");
	ok(server_until(&link_, 1, connected), "it connects again");
	is_int(ups, 2, "and says so");
	forget(1);
	link_request(link_, &text, &params, on_answer, "again");
	server_until(&link_, 1, answered);
	is(answers, " again:xyz", "statements are prepared anew");
	buffer_free(&params.bytes);
}

/*
 * Sessions
 */

static Session session;
static int	greeted;
static int	refused;

static void
on_greeted(void *data)
{
	(void) data;
	greeted++;
}

static void
on_refused(void *data, const char *reason)
{
	(void) data;
	refused += strstr(reason, "not installed") != NULL;
}

static void
on_session_down(void *data)
{
	(void) data;
}

static bool
is_refused(void)
{
	return refused > 0;
}

static bool
is_greeted(void)
{
	return greeted >= wanted;
}

static void
test_session(const char *conninfo, const char *bare)
{
	SessionHost host = {on_greeted, on_refused, on_session_down, on_notify, NULL};
	PGconn	   *other = PQconnectdb(bare);

	session_init(&session, "session", bare, "session", &host);
	ok(server_until(&session.link, 1, is_refused), "a database without the extension is refused");
	is_int(greeted, 0, "and not used");
	PQclear(PQexec(other, "CREATE EXTENSION celeriac"));
	wanted = 1;
	ok(server_until(&session.link, 1, is_greeted), "until the extension comes");
	ok(session.greeted && session.outcome_type != 0, "then it knows its types");
	ok(!session.ready, "it is not ready before its owner says so");
	session_set_ready(&session);
	server_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'session'");
	wanted = 2;
	ok(server_until(&session.link, 1, is_greeted), "a new connection is greeted anew");
	ok(!session.ready, "and is to be made ready anew");
	link_free(session.link);
	PQfinish(other);
	(void) conninfo;
}

int
main(int argc, char **argv)
{
	LinkHost	host = {on_up, on_down, on_notify, NULL};

	if (argc < 4)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	server_connect(argv[1]);
	link_ = link_new("link", argv[1], "link", &host);
	test_requests();
	test_break();
	link_free(link_);
	test_session(argv[1], argv[3]);
	PQfinish(server_admin);
	return tap_done();
}
