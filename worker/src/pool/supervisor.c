/*
 * supervisor.c
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
#include "pool/supervisor.h"

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
#include "pool/tasklog.h"

/* as much work in hand as keeps the children busy for so long */
#define SUPERVISOR_HOLD_TIME	(50.0 * CLOCK_MS)
#define SUPERVISOR_HOLD_MAX		4000
#define SUPERVISOR_FETCH_MAX	1000

/* holding more than this times what we want, we hand tasks back */
#define SUPERVISOR_EXCESS		4

#define SUPERVISOR_COLD_TIME	(5 * CLOCK_SECOND)

typedef enum SupervisorPhase
{
	PHASE_RUNNING,
	PHASE_WARM,					/* finishing what runs */
	PHASE_COLD					/* handing back what ran */
} SupervisorPhase;

typedef struct Supervisor
{
	const Config *config;
	const Catalog *catalog;
	Pool	   *pool;
	Broker	   *broker;
	JobLimits	limits;
	int			signals;		/* signalfd */
	struct pollfd *fds;			/* signals, broker, pool */
	SupervisorPhase phase;
	ExitCode	exit_code;
	bool		failed;			/* end at once with exit_code */
	int64_t		cold_deadline;
	long		finished;		/* tasks so far */
} Supervisor;

/*
 * What the pool tells
 */

static void
supervisor_outcome(void *data, Job *job, const Report *report)
{
	Supervisor *supervisor = data;

	if (report->state != OUTCOME_PENDING)
		supervisor->finished++;
	tasklog_outcome(job, report);
	broker_outcome(supervisor->broker, job, report);
}

static void
supervisor_started(void *data, Job *job, int64_t started_at)
{
	Supervisor *supervisor = data;

	broker_started(supervisor->broker, job, started_at);
}

static void
supervisor_state(void *data, Job *job, Text state, Text info)
{
	Supervisor *supervisor = data;

	broker_state(supervisor->broker, job, state, info);
}

static void
supervisor_in_child(void *data)
{
	Supervisor *supervisor = data;

	close(supervisor->signals);
	if (supervisor->broker != NULL)
		broker_abandon(supervisor->broker);
}

/*
 * What the broker tells
 */

static void
supervisor_delivered(void *data, const Delivery *delivery)
{
	Supervisor *supervisor = data;
	Job		   *job = job_new(delivery, &supervisor->limits);

	tasklog_received(job);
	pool_submit(supervisor->pool, job);
}

static void
supervisor_stop(Supervisor *supervisor, SupervisorPhase phase, const char *why)
{
	if (phase <= supervisor->phase)
		return;
	supervisor->phase = phase;
	if (phase == PHASE_WARM)
	{
		log_write(LOG_LEVEL_ALWAYS, "Warm shutdown (%s): waiting for running tasks",
				  why);
		broker_cancel_fetch(supervisor->broker);
		return;
	}
	log_write(LOG_LEVEL_ALWAYS, "Cold shutdown (%s): handing running tasks back",
			  why);
	supervisor->exit_code = EXIT_COLD;
	supervisor->cold_deadline = clock_mono() + SUPERVISOR_COLD_TIME;
	broker_cancel_fetch(supervisor->broker);
	pool_kill(supervisor->pool);
}

static void
supervisor_command(void *data, const char *payload)
{
	Supervisor *supervisor = data;
	Command		command = command_parse(payload);

	switch (command.kind)
	{
		case COMMAND_REVOKE:
			/* anyone may NOTIFY: what is true the server knows */
			if (pool_has(supervisor->pool, &command.id))
				broker_ask_revoked(supervisor->broker, &command.id);
			break;
		case COMMAND_SHUTDOWN:
			supervisor_stop(supervisor, PHASE_WARM, "told by the server");
			break;
		case COMMAND_UNKNOWN:
			log_write(LOG_LEVEL_WARNING, "unknown control command: %s",
					  payload);
			break;
	}
}

static void
supervisor_revoked(void *data, const Uuid *id, const char *signal)
{
	Supervisor *supervisor = data;

	pool_revoke(supervisor->pool, id, signal[0] != '\0', command_signal(signal));
}

static void
supervisor_list_claim(void *data, Job *job)
{
	claims_add(data, &job->id, job->delivery);
}

static void
supervisor_list_claims(void *data, Claims *claims)
{
	Supervisor *supervisor = data;

	pool_visit(supervisor->pool, supervisor_list_claim, claims);
}

/* What has begun goes on; its outcome will be refused, and said so. */
static void
supervisor_claim_lost(void *data, const Uuid *id)
{
	Supervisor *supervisor = data;

	pool_drop(supervisor->pool, id);
}

static void
supervisor_fatal(void *data, const char *reason)
{
	Supervisor *supervisor = data;

	log_write(LOG_LEVEL_CRITICAL, "%s", reason);
	supervisor->exit_code = EXIT_DATABASE;
	supervisor->failed = true;
}

static void
supervisor_ready(void *data)
{
	Supervisor *supervisor = data;

	log_write(LOG_LEVEL_ALWAYS, "%s ready.", supervisor->config->worker);
}

/*
 * Signals
 */

static void
supervisor_log_status(const Supervisor *supervisor)
{
	log_write(LOG_LEVEL_ALWAYS,
			  "%d tasks in hand, %d not begun, %d outcomes not delivered, %ld finished, %d children",
			  pool_in_hand(supervisor->pool), pool_queued(supervisor->pool),
			  broker_undelivered(supervisor->broker), supervisor->finished,
			  pool_children(supervisor->pool));
}

static void
supervisor_signal(Supervisor *supervisor, int signo)
{
	switch (signo)
	{
		case SIGTERM:
		case SIGINT:
			supervisor_stop(supervisor, supervisor->phase == PHASE_RUNNING ? PHASE_WARM
							: PHASE_COLD, strsignal(signo));
			break;
		case SIGQUIT:
			supervisor_stop(supervisor, PHASE_COLD, strsignal(signo));
			break;
		case SIGHUP:
			if (!log_reopen())
				log_write(LOG_LEVEL_ERROR, "cannot reopen the log file: %s",
						  strerror(errno));
			break;
		case SIGUSR1:
			supervisor_log_status(supervisor);
			break;
		case SIGCHLD:
			pool_reap(supervisor->pool);
			break;
	}
}

static void
supervisor_read_signals(Supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info))
		supervisor_signal(supervisor, (int) info.ssi_signo);
}

static bool
supervisor_open_signals(Supervisor *supervisor)
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
	supervisor->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return supervisor->signals >= 0;
}

/*
 * Work
 */

/*
 * How many tasks to hold.  Normally a few per child, so that others get their
 * share; while tasks are short, what the children do in a moment.
 */
static int
supervisor_wanted(const Supervisor *supervisor)
{
	int			wanted = supervisor->config->concurrency *
		supervisor->config->prefetch_multiplier;
	double		runtime = pool_runtime(supervisor->pool);
	double		moment;

	if (runtime < 0)
		return wanted;
	moment = SUPERVISOR_HOLD_TIME * supervisor->config->concurrency / (runtime + 1);
	if (moment > SUPERVISOR_HOLD_MAX)
		moment = SUPERVISOR_HOLD_MAX;
	return moment > wanted ? (int) moment : wanted;
}

/*
 * The next batch is fetched while half of what we want is still to be done.
 * Outcomes on their way count as well: their tasks are still claimed, and when
 * the server is slower than the children nothing else holds these back.
 */
static void
supervisor_fetch(Supervisor *supervisor)
{
	int			wanted = supervisor_wanted(supervisor);
	int			held = pool_in_hand(supervisor->pool) +
		broker_undelivered(supervisor->broker);
	int			room = wanted - held;

	if (pool_queued(supervisor->pool) > SUPERVISOR_EXCESS * wanted)
		pool_hand_back(supervisor->pool, SUPERVISOR_EXCESS * wanted);
	if (room <= 0 ||
		(held > wanted / 2 && held >= supervisor->config->concurrency))
		return;
	broker_fetch(supervisor->broker, room < SUPERVISOR_FETCH_MAX ? room
				 : SUPERVISOR_FETCH_MAX);
}

/*
 * While FETCH is down the server may give our tasks to others: what runs goes
 * on, but nothing new is begun before task_attach() has said what is ours.
 */
static void
supervisor_step(Supervisor *supervisor)
{
	if (!broker_holds_claims(supervisor->broker))
	{
		pool_recall(supervisor->pool);
		return;
	}
	pool_dispatch(supervisor->pool);
	supervisor_fetch(supervisor);
}

/* One step down the ladder; false when there is nothing left to do. */
static bool
supervisor_step_down(Supervisor *supervisor, int64_t now)
{
	bool		delivered;

	if (supervisor->phase == PHASE_WARM)
		pool_recall(supervisor->pool);
	pool_hand_back(supervisor->pool, 0);
	if (supervisor->phase == PHASE_COLD && now >= supervisor->cold_deadline)
		return pool_children(supervisor->pool) > 0;
	delivered = pool_in_hand(supervisor->pool) == 0 &&
		!broker_is_fetching(supervisor->broker) &&
		broker_undelivered(supervisor->broker) == 0;
	if (!delivered)
		return true;
	pool_retire(supervisor->pool);
	broker_leave(supervisor->broker);
	return !broker_has_left(supervisor->broker) ||
		pool_children(supervisor->pool) > 0;
}

static void
supervisor_poll(Supervisor *supervisor, int64_t deadline)
{
	int			nfds = 1 + BROKER_FDS;
	int64_t		now = clock_mono();
	int64_t		wait = deadline > now ? deadline - now : 0;
	struct timespec timeout = {
		.tv_sec = wait / CLOCK_SECOND,
		.tv_nsec = wait % CLOCK_SECOND * 1000,
	};

	supervisor->fds[0] = (struct pollfd) {
		.fd = supervisor->signals,.events = POLLIN
	};
	broker_fds(supervisor->broker, supervisor->fds + 1);
	nfds += pool_fds(supervisor->pool, supervisor->fds + nfds);
	if (ppoll(supervisor->fds, (nfds_t) nfds,
			  deadline == CLOCK_NEVER ? NULL : &timeout, NULL) <= 0)
		return;

	/* children first: what a dying one said counts before its death does */
	pool_handle(supervisor->pool, supervisor->fds + 1 + BROKER_FDS,
				nfds - 1 - BROKER_FDS);
	broker_handle(supervisor->broker, supervisor->fds + 1);
	if (supervisor->fds[0].revents != 0)
		supervisor_read_signals(supervisor);
}

static void
supervisor_loop(Supervisor *supervisor)
{
	while (!supervisor->failed)
	{
		int64_t		now = clock_mono();
		int64_t		next;

		if (supervisor->phase == PHASE_RUNNING)
			supervisor_step(supervisor);
		else if (!supervisor_step_down(supervisor, now))
			return;
		next = pool_tick(supervisor->pool, now);
		next = clock_earlier(next,
							 broker_tick(supervisor->broker,
										 pool_expects_soon(supervisor->pool),
										 now));
		if (supervisor->phase == PHASE_COLD)
			next = clock_earlier(next, now >= supervisor->cold_deadline
								 ? now + 100 * CLOCK_MS
								 : supervisor->cold_deadline);
		log_flush();
		supervisor_poll(supervisor, next);
	}
}

/*
 * Life
 */

static void
supervisor_new_pool(Supervisor *supervisor)
{
	PoolConfig	config = {
		.concurrency = supervisor->config->concurrency,
		.max_tasks_per_child = (uint32_t) supervisor->config->max_tasks_per_child,
		.catalog = supervisor->catalog,
	};
	PoolHost	host = {
		.outcome = supervisor_outcome,
		.started = supervisor_started,
		.state = supervisor_state,
		.in_child = supervisor_in_child,
		.data = supervisor,
	};

	supervisor->pool = pool_new(&config, &host);
}

static void
supervisor_new_broker(Supervisor *supervisor)
{
	BrokerConfig config = {
		.conninfo = supervisor->config->conninfo,
		.self = {
			.worker = supervisor->config->worker,
			.queues = supervisor->config->queues.values,
			.nqueues = supervisor->config->queues.count,
			.concurrency = supervisor->config->concurrency,
		},
		.heartbeat_interval = (int64_t) (supervisor->config->heartbeat_interval *
										 CLOCK_SECOND),
		.catalog = supervisor->catalog,
	};
	BrokerHost	host = {
		.delivered = supervisor_delivered,
		.command = supervisor_command,
		.revoked = supervisor_revoked,
		.list_claims = supervisor_list_claims,
		.claim_lost = supervisor_claim_lost,
		.fatal = supervisor_fatal,
		.ready = supervisor_ready,
		.data = supervisor,
	};

	supervisor->broker = broker_new(&config, &host);
}

/* After a failure children may be left: they go with us. */
static void
supervisor_end(Supervisor *supervisor)
{
	if (pool_children(supervisor->pool) > 0)
		pool_kill(supervisor->pool);
	broker_free(supervisor->broker);
	pool_free(supervisor->pool);
	free(supervisor->fds);
	close(supervisor->signals);
	log_write(LOG_LEVEL_ALWAYS, "%s stopped after %ld tasks",
			  supervisor->config->worker, supervisor->finished);
	log_flush();
}

ExitCode
supervisor_run(const Config *config, const Catalog *catalog)
{
	Supervisor	supervisor = {
		.config = config,
		.catalog = catalog,
		.limits = {config->soft_time_limit, config->time_limit},
	};

	srandom((unsigned) clock_wall() ^ (unsigned) getpid());
	if (!supervisor_open_signals(&supervisor))
	{
		log_write(LOG_LEVEL_CRITICAL, "cannot catch signals: %s",
				  strerror(errno));
		return EXIT_SYSTEM;
	}
	supervisor_new_pool(&supervisor);
	supervisor_new_broker(&supervisor);
	supervisor.fds = mem_zalloc((size_t) (1 + BROKER_FDS +
										  pool_fds_max(supervisor.pool)) *
								sizeof(struct pollfd));
	supervisor_loop(&supervisor);
	supervisor_end(&supervisor);
	return supervisor.exit_code;
}
