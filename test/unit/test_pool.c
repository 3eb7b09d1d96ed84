/*
 * test_pool.c
 *		pool.c and child.c: real children, no database.
 *
 * Guards the accounting: whatever children do, each job ends exactly once, and
 * nobody pays for somebody else's crash.
 */
#include "pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tap.h"

#define MAX_JOBS 2000

/* What the pool told us, by job: the first byte pair of the id. */
static int	ended[MAX_JOBS];
static OutcomeState states[MAX_JOBS];
static char types[MAX_JOBS][64];
static int	started;
static int	total;
static Pool *pool;
static Catalog catalog;

static int
number_of(const Job *job)
{
	return job->id.bytes[0] * 256 + job->id.bytes[1];
}

static void
on_outcome(void *data, Job *job, const Report *report)
{
	int			n = number_of(job);

	(void) data;
	ended[n]++;
	states[n] = report->state;
	snprintf(types[n], sizeof(types[n]), "%s",
			 report->exc_type.data ? report->exc_type.data : "");
	total++;
}

static void
on_started(void *data, Job *job, int64_t started_at)
{
	(void) data;
	(void) job;
	(void) started_at;
	started++;
}

static void
on_state(void *data, Job *job, Text state, Text info)
{
	(void) data;
	(void) job;
	(void) state;
	(void) info;
}

static void
on_in_child(void *data)
{
	(void) data;
}

static void
start(int concurrency, uint32_t max_tasks)
{
	PoolConfig	config = {concurrency, max_tasks, &catalog};
	PoolHost	host = {on_outcome, on_started, on_state, on_in_child, NULL};

	memset(ended, 0, sizeof(ended));
	total = started = 0;
	pool = pool_new(&config, &host);
}

static void
submit(int n, const char *name, const char *args, const char *options)
{
	JobLimits	none = {0, 0};
	Delivery	delivery = {
		.name = text_of(name),
		.args = text_of(args),
		.options = text_of(options),
	};

	delivery.id.bytes[0] = (uint8_t) (n / 256);
	delivery.id.bytes[1] = (uint8_t) n;
	pool_submit(pool, job_new(&delivery, &none));
}

static void
turn(void)
{
	struct pollfd fds[16];
	int			count;

	pool_dispatch(pool);
	pool_tick(pool, clock_mono());
	count = pool_fds(pool, fds);
	if (poll(fds, (nfds_t) count, 5) > 0)
		pool_handle(pool, fds, count);
	pool_reap(pool);
}

/* Until so many outcomes came, or ten seconds went by. */
static bool
run_until(int outcomes)
{
	int64_t		deadline = clock_mono() + 10 * CLOCK_SECOND;

	while (total < outcomes && clock_mono() < deadline)
		turn();
	return total == outcomes;
}

static void
stop(void)
{
	int64_t		deadline = clock_mono() + 10 * CLOCK_SECOND;

	pool_retire(pool);
	while (pool_children(pool) > 0 && clock_mono() < deadline)
		turn();
	is_int(pool_children(pool), 0, "... and the children end");
	pool_free(pool);
}

static bool
each_once(int count)
{
	for (int n = 0; n < count; n++)
		if (ended[n] != 1)
			return false;
	return true;
}

static void
test_many(void)
{
	start(3, 0);
	for (int n = 0; n < 1000; n++)
		submit(n, "noop.noop", "[]", NULL);
	ok(run_until(1000) && each_once(1000), "1000 short tasks, each once");
	is_int(pool_in_hand(pool), 0, "nothing is left in hand");
	stop();
}

static void
test_recycling(void)
{
	start(2, 10);
	for (int n = 0; n < 300; n++)
		submit(n, "noop.noop", "[]", NULL);
	ok(run_until(300) && each_once(300),
	   "children are replaced after 10 tasks, nothing is lost");
	stop();
}

/* Short tasks are stacked at children; every tenth of them kills its child. */
static void
test_crashes(void)
{
	int			lost = 0;
	int			succeeded = 0;

	start(2, 0);
	for (int n = 0; n < 200; n++)
		submit(n, "noop.noop", "[]", NULL);
	ok(run_until(200), "short tasks, so that they are stacked");
	for (int n = 200; n < 250; n++)
		submit(n, n % 10 == 5 ? "crash.crash" : "noop.noop", "[\"kill\"]", NULL);
	ok(run_until(250) && each_once(250), "each ends once among crashes");
	for (int n = 200; n < 250; n++)
	{
		lost += states[n] == OUTCOME_LOST && n % 10 == 5;
		succeeded += states[n] == OUTCOME_SUCCESS && n % 10 != 5;
	}
	is_int(lost, 5, "those that crash are lost");
	is_int(succeeded, 45, "their neighbours are not");
	stop();
}

/* What is stacked behind a task that turns out to be long goes to others. */
static void
test_recall(void)
{
	int64_t		began;

	start(2, 0);
	for (int n = 0; n < 100; n++)
		submit(n, "sleep.sleep", "[0]", NULL);
	run_until(100);
	began = clock_mono();
	submit(100, "sleep.sleep", "[1]", NULL);
	for (int n = 101; n < 200; n++)
		submit(n, "sleep.sleep", "[0]", NULL);
	ok(run_until(199) && ended[100] == 0,
	   "99 short ones end while the long one runs");
	ok(clock_mono() - began < CLOCK_SECOND / 2, "... without waiting for it");
	is_int(started, 1, "the long one is reported as started");
	ok(run_until(200) && each_once(200), "and ends as well");
	stop();
}

/*
 * A pool that stops recalls at every step.  A recall that finds nothing left
 * to skip must not wait for the child to skip it: the child would never end.
 */
static void
test_recall_again(void)
{
	int64_t		deadline = clock_mono() + 10 * CLOCK_SECOND;

	start(1, 0);
	for (int n = 0; n < 100; n++)
		submit(n, "sleep.sleep", "[0]", NULL);
	run_until(100);
	submit(100, "sleep.sleep", "[0.2]", NULL);
	for (int n = 101; n < 120; n++)
		submit(n, "sleep.sleep", "[0]", NULL);
	while (started < 1 && clock_mono() < deadline)
		turn();
	for (int n = 0; n < 20 || total < 120; n++)
	{
		pool_recall(pool);
		pool_hand_back(pool, 0);
		turn();
	}
	pool_recall(pool);
	pool_retire(pool);
	while (pool_children(pool) > 0 && clock_mono() < deadline)
	{
		pool_recall(pool);
		turn();
	}
	ok(pool_children(pool) == 0, "a child recalled again and again ends");
	stop();
}

static void
test_limits(void)
{
	start(1, 0);
	submit(0, "stubborn.stubborn", "[5]",
		   "{\"time_limit\": 0.2, \"soft_time_limit\": 0.1}");
	submit(1, "sleep.sleep", "[5]", "{\"soft_time_limit\": 0.1}");
	submit(2, "noop.noop", "[]", NULL);
	ok(run_until(3) && each_once(3), "limits end tasks");
	is(types[0], "TimeLimitExceeded", "the hard one");
	is(types[1], "SoftTimeLimitExceeded", "the soft one");
	ok(states[2] == OUTCOME_SUCCESS, "and the next task is not hit");
	stop();
}

static void
revoke_job(int n, bool terminate)
{
	Uuid		id = {{0}};

	id.bytes[0] = (uint8_t) (n / 256);
	id.bytes[1] = (uint8_t) n;
	pool_revoke(pool, &id, terminate, SIGTERM);
}

static void
test_revoke(void)
{
	int64_t		deadline = clock_mono() + 10 * CLOCK_SECOND;

	start(2, 0);
	submit(0, "sleep.nap", "[9]", NULL);
	submit(1, "stubborn.stubborn", "[9]", NULL);
	submit(2, "noop.noop", "[]", NULL);
	while (started < 2 && clock_mono() < deadline)
		turn();
	revoke_job(2, false);
	is_int(ended[2], 1, "one not begun is revoked at once");
	revoke_job(0, false);
	ok(run_until(2) && states[0] == OUTCOME_REVOKED,
	   "a running one that looks is revoked");
	revoke_job(1, true);
	ok(run_until(3) && states[1] == OUTCOME_REVOKED,
	   "one that does not is terminated");
	revoke_job(77, true);
	submit(3, "noop.noop", "[]", NULL);
	ok(run_until(4) && states[3] == OUTCOME_SUCCESS, "life goes on");
	stop();
}

static void
test_hand_back(void)
{
	int64_t		deadline = clock_mono() + 10 * CLOCK_SECOND;

	start(1, 0);
	submit(0, "sleep.sleep", "[9]", NULL);
	for (int n = 1; n < 20; n++)
		submit(n, "noop.noop", "[]", NULL);
	while (started < 1 && clock_mono() < deadline)
		turn();
	pool_recall(pool);
	pool_hand_back(pool, 0);
	is_int(total, 19, "what has not begun is handed back");
	pool_kill(pool);
	ok(run_until(20) && each_once(20), "then what runs");
	ok(states[0] == OUTCOME_PENDING && states[19] == OUTCOME_PENDING,
	   "all of it as PENDING");
	stop();
}

static void
test_program(void)
{
	start(1, 0);
	submit(0, "prog.cat", "[1]", NULL);
	submit(1, "prog.fail", "[]", NULL);
	submit(2, "prog.slow", "[]", "{\"time_limit\": 0.2}");
	submit(3, "prog.unknown", "[]", NULL);
	ok(run_until(4) && each_once(4), "programs end");
	ok(states[0] == OUTCOME_SUCCESS, "one that succeeds");
	is(types[1], "ProgramError", "one that fails");
	is(types[2], "TimeLimitExceeded", "one that is too slow");
	is(types[3], "NotRegistered", "one that nobody knows");
	stop();
}

static bool
load(const char *program, const char *module)
{
	char		path[4096];
	char		error[512];
	const char *slash = strrchr(program, '/');

	snprintf(path, sizeof(path), "%.*s/%s",
			 slash ? (int) (slash - program) : 1, slash ? program : ".", module);
	return ok(module_load(catalog.modules, path, error, sizeof(error)),
			  "%s is loaded", module);
}

int
main(int argc, char **argv)
{
	static Program programs[] = {
		{(char *) "prog.cat", (char *) "cat"},
		{(char *) "prog.fail", (char *) "exit 3"},
		{(char *) "prog.slow", (char *) "sleep 60"},
	};

	(void) argc;
	log_open("/dev/null", LOG_LEVEL_CRITICAL, false);
	catalog.modules = module_registry_new();
	catalog.programs = programs;
	catalog.nprograms = 3;
	if (!load(argv[0], "noop.so") || !load(argv[0], "sleep.so") ||
		!load(argv[0], "crash.so") || !load(argv[0], "stubborn.so"))
		return tap_done();
	test_many();
	test_recycling();
	test_crashes();
	test_recall();
	test_recall_again();
	test_limits();
	test_revoke();
	test_hand_back();
	test_program();
	module_registry_free(catalog.modules);
	log_open(NULL, LOG_LEVEL_CRITICAL, false);
	return tap_done();
}
