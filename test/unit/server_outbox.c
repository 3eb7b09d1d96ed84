/*
 * server_outbox.c
 *		outbox.c, over a real server.
 *
 * Guards the outcomes: each reaches the server once, however the server, the
 * connection or a neighbour in its batch fails; one that cannot be stored
 * takes no other with it; one that is refused is not sent for ever.
 */
#include "server.h"

#include <signal.h>

#include "pool/outbox.h"
#include "pool/receive.h"

#define MAX_JOBS 16

static Session work;
static Session claims;
static Link *links[2];
static Outbox *outbox;
static Job *jobs[MAX_JOBS];
static int	njobs;
static int	greeted;
static bool fetched;
static int64_t until;

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
	(void) reason;
}

static void
on_down(void *data)
{
	(void) data;
}

static void
on_notify(void *data, const char *payload)
{
	(void) data;
	(void) payload;
}

static void
on_fetched(void *data, const PGresult *result)
{
	JobLimits	none = {0, 0};

	(void) data;
	fetched = true;
	for (int row = 0; result != NULL && row < PQntuples(result); row++)
	{
		Delivery	delivery = receive_delivery(result, row);

		jobs[njobs++] = job_new(&delivery, &none);
	}
}

static bool
is_fetched(void)
{
	return fetched;
}

static bool
both_greeted(void)
{
	return work.greeted && claims.greeted;
}

static void
send_due(void)
{
	OutboxState state = {.outcome_type = work.outcome_type};

	if (work.greeted)
		outbox_send(outbox, &state, clock_mono());
}

static bool
all_answered(void)
{
	send_due();
	return outbox_count(outbox) == 0;
}

static bool
time_is_over(void)
{
	send_due();
	return clock_mono() >= until;
}

/* Send so many tasks and claim them. */
static void
fetch(int count)
{
	static char *queues[] = {"default"};
	Params		params = {0};
	char		sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(task_send('t')) FROM generate_series(1, %d)", count);
	server_sql(sql);
	while (njobs > 0)
		job_free(jobs[--njobs]);
	fetched = false;
	params_text(&params, text_of("outbox"));
	params_text_array(&params, queues, 1);
	params_int32(&params, count);
	link_request(claims.link, &statement_fetch, &params, on_fetched, NULL);
	server_until(links, 2, is_fetched);
	buffer_free(&params.bytes);
	is_int(njobs, count, "tasks are fetched");
}

static void
succeed(int number, const char *result)
{
	Report		report = {.state = OUTCOME_SUCCESS, .countdown = -1, .result = text_of(result)};

	outbox_add(outbox, jobs[number], &report);
}

static const char *
stored(void)
{
	return server_sql("SELECT string_agg(concat_ws(' ', n, state, exc_type), ', ' ORDER BY state)"
					  " FROM (SELECT state, exc_type, count(*) AS n FROM task_result GROUP BY 1, 2) s");
}

static void
test_halving(void)
{
	fetch(9);
	for (int i = 0; i < 9; i++)
		succeed(i, i == 4 ? "\"a\\u0000b\"" : "1");
	ok(server_until(links, 2, all_answered), "a batch with an outcome that cannot be stored");
	is(stored(), "1 FAILURE EncodeError, 8 SUCCESS", "costs only that one its result");
	is_int(outbox_refused(outbox), 0, "nothing was refused");
	server_sql("SELECT count(task_forget(id)) FROM task_result");
}

static void
test_refusal(void)
{
	fetch(2);
	jobs[0]->delivery++;
	succeed(0, "1");
	succeed(1, "1");
	ok(server_until(links, 2, all_answered), "an outcome of another delivery");
	is(stored(), "1 SUCCESS", "is not stored, its neighbour is");
	is_int(outbox_refused(outbox), 1, "it was refused, and is forgotten");
	server_sql("SELECT count(task_forget(id)) FROM task_result");
}

static void
test_retry(void)
{
	fetch(1);
	server_sql("REVOKE celeriac_worker FROM pool");
	succeed(0, "1");
	until = clock_mono() + CLOCK_SECOND;
	server_until(links, 2, time_is_over);
	is_int(outbox_count(outbox), 1, "an outcome that the server will not take now is kept");
	server_sql("GRANT celeriac_worker TO pool");
	ok(server_until(links, 2, all_answered), "and sent again");
	is(stored(), "1 SUCCESS", "as it was");
	server_sql("SELECT count(task_forget(id)) FROM task_result");
}

static bool
is_blocked(void)
{
	return strcmp(server_sql("SELECT count(*) FROM pg_stat_activity"
							 " WHERE application_name = 'work' AND wait_event_type = 'Lock'"), "1") == 0;
}

static void
test_break(void)
{
	int			before = greeted;

	fetch(3);
	server_sql("BEGIN");
	server_sql("LOCK TABLE task_message, task_result IN ACCESS EXCLUSIVE MODE");
	for (int i = 0; i < 3; i++)
		succeed(i, "1");
	send_due();
	ok(server_until(links, 2, is_blocked), "outcomes are on their way");
	server_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'work'");
	server_sql("COMMIT");
	ok(server_until(links, 2, all_answered), "the connection breaks, and they go again");
	ok(greeted > before, "over a new one");
	is(stored(), "3 SUCCESS", "each is stored once");
	is_int(outbox_refused(outbox), 1, "and none is refused");
}

int
main(int argc, char **argv)
{
	SessionHost host = {on_greeted, on_refused, on_down, on_notify, NULL};

	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	server_connect(argv[1]);
	log_open(NULL, LOG_LEVEL_CRITICAL, false);
	session_init(&work, "work", argv[2], "work", &host);
	session_init(&claims, "claims", argv[2], "claims", &host);
	links[0] = work.link;
	links[1] = claims.link;
	outbox = outbox_new("outbox", work.link, claims.link);
	ok(server_until(links, 2, both_greeted), "connected");
	test_halving();
	test_refusal();
	test_retry();
	test_break();
	link_free(work.link);
	link_free(claims.link);
	outbox_free(outbox);
	while (njobs > 0)
		job_free(jobs[--njobs]);
	PQfinish(server_admin);
	return tap_done();
}
