/*
 * worker.c
 *		The supervisor: ties children, connections and signals together.
 *
 * One process, one poll() loop, nothing in it blocks.  Each turn: signals,
 * what the server said, what the children said; then give tasks to children,
 * fetch more if there is room, send outcomes, and sleep until the next
 * descriptor or deadline.
 *
 * Stopping goes down a ladder.  Warm: fetch nothing more, hand back what has
 * not begun, wait for what runs, deliver, say goodbye.  Cold: kill what runs
 * and hand it back too, with a few seconds to deliver that.
 */
#include "pool/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pool/broker.h"
#include "pool/command.h"
#include "pool/pool.h"

/* as much work in hand as keeps the children busy for so long */
#define WORKER_HOLD_TIME	(50.0 * CLOCK_MS)
#define WORKER_HOLD_MAX		4000
#define WORKER_FETCH_MAX	1000

/* holding more than this times what we want, we hand tasks back */
#define WORKER_EXCESS		4

#define WORKER_COLD_TIME	(5 * CLOCK_SECOND)

typedef enum WorkerPhase
{
	PHASE_RUNNING,
	PHASE_WARM,					/* finishing what runs */
	PHASE_COLD					/* handing back what ran */
} WorkerPhase;

typedef struct Worker
{
	const Config *config;
	Catalog		catalog;
	Pool	   *pool;
	Broker	   *broker;
	JobLimits	limits;
	int			signals;		/* signalfd */
	struct pollfd *fds;			/* signals, broker, pool */
	WorkerPhase phase;
	ExitCode	exit_code;
	bool		failed;			/* end at once with exit_code */
	int64_t		cold_deadline;
	long		finished;		/* tasks so far */
} Worker;

/*
 * Log lines, in Celery's words
 */

static const char *
worker_text(Text text)
{
	return text.data ? text.data : "None";
}

/* How much of worker_text() a line shows; nobody reads megabytes. */
static int
worker_shown(Text text)
{
	return text.data == NULL || text.length > 1024 ? 1024 : (int) text.length;
}

static void
worker_log_received(const Job *job)
{
	char		id[UUID_TEXT_SIZE];

	if (!log_wanted(LOG_LEVEL_INFO))
		return;
	uuid_format(&job->id, id);
	log_task(LOG_LEVEL_INFO, job->name, &job->id, "Task %s[%s] received",
			 job->name.data, id);
}

static LogLevel
worker_outcome_level(OutcomeState state)
{
	switch (state)
	{
		case OUTCOME_FAILURE:
		case OUTCOME_LOST:
			return LOG_LEVEL_ERROR;
		case OUTCOME_REVOKED:
		case OUTCOME_REJECTED:
			return LOG_LEVEL_WARNING;
		case OUTCOME_PENDING:
			return LOG_LEVEL_DEBUG;
		case OUTCOME_SUCCESS:
		case OUTCOME_RETRY:
		case OUTCOME_IGNORED:
		case OUTCOME_REPLACED:
			break;
	}
	return LOG_LEVEL_INFO;
}

static void
worker_log_outcome(const Job *job, const Report *report)
{
	LogLevel	level = worker_outcome_level(report->state);
	double		seconds = (double) report->runtime / CLOCK_SECOND;
	char		id[UUID_TEXT_SIZE];
	const char *type = report->exc_type.data;

	if (!log_wanted(level))
		return;
	uuid_format(&job->id, id);
	switch (report->state)
	{
		case OUTCOME_SUCCESS:
			log_task(level, job->name, &job->id,
					 "Task %s[%s] succeeded in %.6fs: %.*s", job->name.data,
					 id, seconds, worker_shown(report->result),
					 worker_text(report->result));
			break;
		case OUTCOME_FAILURE:
		case OUTCOME_LOST:
			log_task(level, job->name, &job->id,
					 "Task %s[%s] raised unexpected: %s(%s)", job->name.data,
					 id, type, worker_text(report->exc_message));
			break;
		case OUTCOME_RETRY:
			if (report->countdown >= 0)
				log_task(level, job->name, &job->id,
						 "Task %s[%s] retry: Retry in %gs: %s", job->name.data,
						 id, report->countdown,
						 worker_text(report->exc_message));
			else
				log_task(level, job->name, &job->id,
						 "Task %s[%s] retry: %s", job->name.data, id,
						 worker_text(report->exc_message));
			break;
		case OUTCOME_REJECTED:
			log_task(level, job->name, &job->id, "Task %s[%s] rejected",
					 job->name.data, id);
			break;
		case OUTCOME_IGNORED:
			log_task(level, job->name, &job->id, "Task %s[%s] ignored",
					 job->name.data, id);
			break;
		case OUTCOME_REPLACED:
			log_task(level, job->name, &job->id, "Task %s[%s] replaced",
					 job->name.data, id);
			break;
		case OUTCOME_REVOKED:
			log_task(level, job->name, &job->id, "Discarding revoked task: %s[%s]: %s",
					 job->name.data, id, worker_text(report->exc_message));
			break;
		case OUTCOME_PENDING:
			log_task(level, job->name, &job->id, "Task %s[%s] handed back",
					 job->name.data, id);
			break;
	}
}

/*
 * What the pool tells
 */

static void
worker_outcome(void *data, Job *job, const Report *report)
{
	Worker	   *worker = data;

	if (report->state != OUTCOME_PENDING)
		worker->finished++;
	worker_log_outcome(job, report);
	broker_outcome(worker->broker, job, report);
}

static void
worker_started(void *data, Job *job, int64_t started_at)
{
	Worker	   *worker = data;

	broker_started(worker->broker, job, started_at);
}

static void
worker_state(void *data, Job *job, Text state, Text info)
{
	Worker	   *worker = data;

	broker_state(worker->broker, job, state, info);
}

static void
worker_in_child(void *data)
{
	Worker	   *worker = data;

	close(worker->signals);
	if (worker->broker != NULL)
		broker_abandon(worker->broker);
}

/*
 * What the broker tells
 */

static void
worker_delivered(void *data, const Delivery *delivery)
{
	Worker	   *worker = data;
	Job		   *job = job_new(delivery, &worker->limits);

	worker_log_received(job);
	pool_submit(worker->pool, job);
}

static void
worker_stop(Worker *worker, WorkerPhase phase, const char *why)
{
	if (phase <= worker->phase)
		return;
	worker->phase = phase;
	if (phase == PHASE_WARM)
	{
		log_write(LOG_LEVEL_ALWAYS, "Warm shutdown (%s): waiting for running tasks",
				  why);
		broker_cancel_fetch(worker->broker);
		return;
	}
	log_write(LOG_LEVEL_ALWAYS, "Cold shutdown (%s): handing running tasks back",
			  why);
	worker->exit_code = EXIT_COLD;
	worker->cold_deadline = clock_mono() + WORKER_COLD_TIME;
	broker_cancel_fetch(worker->broker);
	pool_kill(worker->pool);
}

static void
worker_command(void *data, const char *payload)
{
	Worker	   *worker = data;
	Command		command = command_parse(payload);

	switch (command.kind)
	{
		case COMMAND_REVOKE:
			/* anyone may NOTIFY: what is true the server knows */
			if (pool_has(worker->pool, &command.id))
				broker_ask_revoked(worker->broker, &command.id);
			break;
		case COMMAND_SHUTDOWN:
			worker_stop(worker, PHASE_WARM, "told by the server");
			break;
		case COMMAND_UNKNOWN:
			log_write(LOG_LEVEL_WARNING, "unknown control command: %s",
					  payload);
			break;
	}
}

static void
worker_revoked(void *data, const Uuid *id, const char *signal)
{
	Worker	   *worker = data;

	pool_revoke(worker->pool, id, signal[0] != '\0', command_signal(signal));
}

static void
worker_list_claim(void *data, Job *job)
{
	broker_claims_add(data, &job->id, job->delivery);
}

static void
worker_list_claims(void *data)
{
	Worker	   *worker = data;

	pool_visit(worker->pool, worker_list_claim, worker->broker);
}

/* What has begun goes on; its outcome will be refused, and said so. */
static void
worker_claim_lost(void *data, const Uuid *id)
{
	Worker	   *worker = data;

	pool_drop(worker->pool, id);
}

static void
worker_fatal(void *data, const char *reason)
{
	Worker	   *worker = data;

	log_write(LOG_LEVEL_CRITICAL, "%s", reason);
	worker->exit_code = EXIT_DATABASE;
	worker->failed = true;
}

static void
worker_ready(void *data)
{
	Worker	   *worker = data;

	log_write(LOG_LEVEL_ALWAYS, "%s ready.", worker->config->worker);
}

/*
 * Signals
 */

static void
worker_log_status(const Worker *worker)
{
	log_write(LOG_LEVEL_ALWAYS,
			  "%d tasks in hand, %d not begun, %d outcomes not delivered, %ld finished, %d children",
			  pool_in_hand(worker->pool), pool_queued(worker->pool),
			  broker_undelivered(worker->broker), worker->finished,
			  pool_children(worker->pool));
}

static void
worker_signal(Worker *worker, int signo)
{
	switch (signo)
	{
		case SIGTERM:
		case SIGINT:
			worker_stop(worker, worker->phase == PHASE_RUNNING ? PHASE_WARM
						: PHASE_COLD, strsignal(signo));
			break;
		case SIGQUIT:
			worker_stop(worker, PHASE_COLD, strsignal(signo));
			break;
		case SIGHUP:
			if (!log_reopen())
				log_write(LOG_LEVEL_ERROR, "cannot reopen the log file: %s",
						  strerror(errno));
			break;
		case SIGUSR1:
			worker_log_status(worker);
			break;
		case SIGCHLD:
			pool_reap(worker->pool);
			break;
	}
}

static void
worker_read_signals(Worker *worker)
{
	struct signalfd_siginfo info;

	while (read(worker->signals, &info, sizeof(info)) == sizeof(info))
		worker_signal(worker, (int) info.ssi_signo);
}

static bool
worker_open_signals(Worker *worker)
{
	static const int wanted[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1,
	SIGCHLD};
	sigset_t	set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		sigaddset(&set, wanted[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return false;
	worker->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return worker->signals >= 0;
}

/*
 * Work
 */

/*
 * How many tasks to hold.  Normally a few per child, so that others get their
 * share; while tasks are short, what the children do in a moment.
 */
static int
worker_wanted(const Worker *worker)
{
	int			wanted = worker->config->concurrency *
		worker->config->prefetch_multiplier;
	double		runtime = pool_runtime(worker->pool);
	double		moment;

	if (runtime < 0)
		return wanted;
	moment = WORKER_HOLD_TIME * worker->config->concurrency / (runtime + 1);
	if (moment > WORKER_HOLD_MAX)
		moment = WORKER_HOLD_MAX;
	return moment > wanted ? (int) moment : wanted;
}

/*
 * The next batch is fetched while half of what we want is still to be done.
 * Outcomes on their way count as well: their tasks are still claimed, and when
 * the server is slower than the children nothing else holds these back.
 */
static void
worker_fetch(Worker *worker)
{
	int			wanted = worker_wanted(worker);
	int			held = pool_in_hand(worker->pool) +
		broker_undelivered(worker->broker);
	int			room = wanted - held;

	if (pool_queued(worker->pool) > WORKER_EXCESS * wanted)
		pool_hand_back(worker->pool, WORKER_EXCESS * wanted);
	if (room <= 0 ||
		(held > wanted / 2 && held >= worker->config->concurrency))
		return;
	broker_fetch(worker->broker, room < WORKER_FETCH_MAX ? room
				 : WORKER_FETCH_MAX);
}

/*
 * While FETCH is down the server may give our tasks to others: what runs goes
 * on, but nothing new is begun before task_attach() has said what is ours.
 */
static void
worker_step(Worker *worker)
{
	if (!broker_holds_claims(worker->broker))
	{
		pool_recall(worker->pool);
		return;
	}
	pool_dispatch(worker->pool);
	worker_fetch(worker);
}

/* One step down the ladder; false when there is nothing left to do. */
static bool
worker_step_down(Worker *worker, int64_t now)
{
	bool		delivered;

	if (worker->phase == PHASE_WARM)
		pool_recall(worker->pool);
	pool_hand_back(worker->pool, 0);
	if (worker->phase == PHASE_COLD && now >= worker->cold_deadline)
		return pool_children(worker->pool) > 0;
	delivered = pool_in_hand(worker->pool) == 0 &&
		!broker_is_fetching(worker->broker) &&
		broker_undelivered(worker->broker) == 0;
	if (!delivered)
		return true;
	pool_retire(worker->pool);
	broker_leave(worker->broker);
	return !broker_has_left(worker->broker) ||
		pool_children(worker->pool) > 0;
}

static int64_t
worker_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
worker_poll(Worker *worker, int64_t deadline)
{
	int			nfds = 1 + BROKER_FDS;
	int64_t		now = clock_mono();
	int64_t		wait = deadline > now ? deadline - now : 0;
	struct timespec timeout = {
		.tv_sec = wait / CLOCK_SECOND,
		.tv_nsec = wait % CLOCK_SECOND * 1000,
	};

	worker->fds[0] = (struct pollfd) {
		.fd = worker->signals,.events = POLLIN
	};
	broker_fds(worker->broker, worker->fds + 1);
	nfds += pool_fds(worker->pool, worker->fds + nfds);
	if (ppoll(worker->fds, (nfds_t) nfds,
			  deadline == CLOCK_NEVER ? NULL : &timeout, NULL) <= 0)
		return;

	/* children first: what a dying one said counts before its death does */
	pool_handle(worker->pool, worker->fds + 1 + BROKER_FDS,
				nfds - 1 - BROKER_FDS);
	broker_handle(worker->broker, worker->fds + 1);
	if (worker->fds[0].revents != 0)
		worker_read_signals(worker);
}

static void
worker_loop(Worker *worker)
{
	while (!worker->failed)
	{
		int64_t		now = clock_mono();
		int64_t		next;

		if (worker->phase == PHASE_RUNNING)
			worker_step(worker);
		else if (!worker_step_down(worker, now))
			return;
		next = pool_tick(worker->pool, now);
		next = worker_earlier(next,
							  broker_tick(worker->broker,
										  pool_expects_soon(worker->pool),
										  now));
		if (worker->phase == PHASE_COLD)
			next = worker_earlier(next, now >= worker->cold_deadline
								  ? now + 100 * CLOCK_MS
								  : worker->cold_deadline);
		log_flush();
		worker_poll(worker, next);
	}
}

/*
 * Life
 */

static void
worker_new_pool(Worker *worker)
{
	PoolConfig	config = {
		.concurrency = worker->config->concurrency,
		.max_tasks_per_child = (uint32_t) worker->config->max_tasks_per_child,
		.catalog = &worker->catalog,
	};
	PoolHost	host = {
		.outcome = worker_outcome,
		.started = worker_started,
		.state = worker_state,
		.in_child = worker_in_child,
		.data = worker,
	};

	worker->pool = pool_new(&config, &host);
}

static void
worker_new_broker(Worker *worker)
{
	BrokerConfig config = {
		.conninfo = worker->config->conninfo,
		.worker = worker->config->worker,
		.queues = worker->config->queues.values,
		.nqueues = worker->config->queues.count,
		.concurrency = worker->config->concurrency,
		.heartbeat_interval = (int64_t) (worker->config->heartbeat_interval *
										 CLOCK_SECOND),
		.modules = worker->catalog.modules,
		.programs = worker->catalog.programs,
		.nprograms = worker->catalog.nprograms,
	};
	BrokerHost	host = {
		.delivered = worker_delivered,
		.command = worker_command,
		.revoked = worker_revoked,
		.list_claims = worker_list_claims,
		.claim_lost = worker_claim_lost,
		.fatal = worker_fatal,
		.ready = worker_ready,
		.data = worker,
	};

	worker->broker = broker_new(&config, &host);
}

/* After a failure children may be left: they go with us. */
static void
worker_end(Worker *worker)
{
	if (pool_children(worker->pool) > 0)
		pool_kill(worker->pool);
	broker_free(worker->broker);
	pool_free(worker->pool);
	free(worker->fds);
	close(worker->signals);
	log_write(LOG_LEVEL_ALWAYS, "%s stopped after %ld tasks",
			  worker->config->worker, worker->finished);
	log_flush();
}

ExitCode
worker_run(const Config *config, ModuleRegistry *modules)
{
	Worker		worker = {
		.config = config,
		.catalog = {modules, config->programs, config->nprograms},
		.limits = {config->soft_time_limit, config->time_limit},
	};

	srandom((unsigned) clock_wall() ^ (unsigned) getpid());
	if (!worker_open_signals(&worker))
	{
		log_write(LOG_LEVEL_CRITICAL, "cannot catch signals: %s",
				  strerror(errno));
		return EXIT_SYSTEM;
	}
	worker_new_pool(&worker);
	worker_new_broker(&worker);
	worker.fds = mem_zalloc((size_t) (1 + BROKER_FDS +
									  pool_fds_max(worker.pool)) *
							sizeof(struct pollfd));
	worker_loop(&worker);
	worker_end(&worker);
	return worker.exit_code;
}
