/*
 * pool.c
 *		The children of a worker: who runs what, time limits, deaths.
 *
 * A child gets one task when it is free, or up to a millisecond's worth of
 * tasks that are known to be short.  What was stacked behind a task that turns
 * out to be long is recalled and given to others; the word in the shared page
 * decides whether a task was begun before it was recalled (see page.h), so
 * nothing runs twice and nobody is killed for somebody else's task.
 *
 * Deaths: first everything the child said is read, from its socket and from
 * the page, then the one task it was running is reported, and the rest goes
 * back to the front of the queue.
 */
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "exitcode.h"
#include "log.h"
#include "mem.h"

/* tasks worth this much runtime may be stacked at a child */
#define POOL_STACK_RUNTIME	1000.0
#define POOL_STACK_COUNT	512
#define POOL_STACK_BYTES	(128 * 1024)

/* running so long, a task is reported as started */
#define POOL_STARTED_AFTER	(20 * CLOCK_MS)

/* the soft limit's signal is repeated, it may have come before a sleep */
#define POOL_SOFT_REPEAT	CLOCK_SECOND

/* a child that survives a polite signal for so long is killed */
#define POOL_KILL_AFTER		(2 * CLOCK_SECOND)

/* so many deaths in this time are replaced at once, more of them slower */
#define POOL_CRASH_WINDOW	(10 * CLOCK_SECOND)
#define POOL_CRASH_FREE		50
#define POOL_RESPAWN_FIRST	(100 * CLOCK_MS)
#define POOL_RESPAWN_MAX	(2 * CLOCK_SECOND)

/* numbers at one child; before they wrap it is replaced */
#define POOL_SEQ_MAX		UINT32_C(0x7fffffff)

#define POOL_READ_SIZE		(64 * 1024)

/* why we killed a child: what its task is reported as */
typedef enum SlotVerdict
{
	VERDICT_NONE,				/* we did not: it crashed */
	VERDICT_TIME_LIMIT,
	VERDICT_TERMINATED,
	VERDICT_HANDED_BACK
} SlotVerdict;

/* A place for a child. */
typedef struct Slot
{
	char		name[24];
	pid_t		pid;			/* 0 = no child now */
	int			fd;
	Page	   *page;
	Buffer		in;
	Buffer		out;
	JobList		jobs;			/* given, not reported; in order of seq */
	uint32_t	last_seq;		/* of the last job given to this child */
	double		stacked;		/* expected runtime of jobs, microseconds */
	uint32_t	recalled_to;	/* awaiting FRAME_SKIPPED of this; 0 = not */
	bool		retiring;		/* gets no more jobs */
	bool		dead;			/* reaped: its pid may be somebody else's now */
	SlotVerdict verdict;		/* set when we signalled it to die */
	int64_t		kill_at;		/* then SIGKILL */
	int64_t		respawn_at;		/* while pid is 0 */
} Slot;

struct Pool
{
	PoolConfig	config;
	PoolHost	host;
	JobList		queue;
	Slot	   *slots;
	int			given;			/* jobs in all slots */
	double		runtime;
	bool		retired;		/* start no new children */
	int			crashes;		/* within the window */
	int64_t		crash_window;	/* when it began */
	pid_t		supervisor;
	Buffer		scratch;
};

static void slot_take_frames(Pool *pool, Slot *slot, Buffer *bytes);

/*
 * Starting children
 */

static void
pool_ignore_signal(int signo)
{
	/* being interrupted is all that is wanted */
	(void) signo;
}

static void
slot_child_signals(void)
{
	static const int to_default[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
	struct sigaction action = {.sa_handler = pool_ignore_signal};
	sigset_t	none;

	for (size_t i = 0; i < sizeof(to_default) / sizeof(to_default[0]); i++)
		signal(to_default[i], SIG_DFL);
	sigaction(SIGUSR1, &action, NULL);	/* soft limit: EINTR is the point */
	action.sa_flags = SA_RESTART;
	sigaction(SIGCHLD, &action, NULL);	/* wakes program.c's ppoll() */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void
slot_child_files(Pool *pool, const Slot *slot)
{
	int			null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	for (int i = 0; i < pool->config.concurrency; i++)
		if (&pool->slots[i] != slot && pool->slots[i].pid != 0)
			close(pool->slots[i].fd);
	pool->host.in_child(pool->host.data);
}

/* The life of a child; it has its own process group, so Ctrl-C is not for it. */
static void
slot_child(Pool *pool, Slot *slot, int socket)
{
	char		title[16];

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != pool->supervisor)
		_exit(EXIT_SYSTEM);
	snprintf(title, sizeof(title), "celeriac:%.6s", slot->name + 5);
	prctl(PR_SET_NAME, title);
	log_set_process(slot->name);
	log_set_unbuffered();
	slot_child_signals();
	slot_child_files(pool, slot);
	child_main(socket, slot->page, pool->config.catalog);
}

static void
slot_init_child(Slot *slot, pid_t pid, int fd)
{
	slot->pid = pid;
	slot->fd = fd;
	slot->last_seq = 0;
	slot->stacked = 0;
	slot->recalled_to = 0;
	slot->retiring = false;
	slot->dead = false;
	slot->verdict = VERDICT_NONE;
	slot->kill_at = 0;
}

/* False when the system cannot; the slot is tried again later. */
static bool
slot_spawn(Pool *pool, Slot *slot)
{
	int			sockets[2];
	pid_t		pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
		return false;
	slot->page = page_new();
	if (slot->page == NULL)
	{
		close(sockets[0]);
		close(sockets[1]);
		return false;
	}
	log_flush();
	pid = fork();
	if (pid == 0)
	{
		close(sockets[0]);
		slot_child(pool, slot, sockets[1]);
	}
	close(sockets[1]);
	if (pid < 0)
	{
		close(sockets[0]);
		page_free(slot->page);
		slot->page = NULL;
		return false;
	}
	fcntl(sockets[0], F_SETFL, O_NONBLOCK);
	slot_init_child(slot, pid, sockets[0]);
	return true;
}

static void
slot_try_spawn(Pool *pool, Slot *slot, int64_t now)
{
	if (slot_spawn(pool, slot))
		return;
	log_write(LOG_LEVEL_ERROR, "cannot start a child: %s", strerror(errno));
	slot->respawn_at = now + POOL_RESPAWN_MAX;
}

Pool *
pool_new(const PoolConfig *config, const PoolHost *host)
{
	Pool	   *pool = mem_zalloc(sizeof(Pool));

	pool->config = *config;
	pool->host = *host;
	pool->runtime = -1;
	pool->supervisor = getpid();
	pool->slots = mem_zalloc((size_t) config->concurrency * sizeof(Slot));
	job_list_init(&pool->queue);
	for (int i = 0; i < config->concurrency; i++)
	{
		Slot	   *slot = &pool->slots[i];

		snprintf(slot->name, sizeof(slot->name), "Pool-%d", i + 1);
		job_list_init(&slot->jobs);
	}
	for (int i = 0; i < config->concurrency; i++)
		slot_try_spawn(pool, &pool->slots[i], clock_mono());
	return pool;
}

void
pool_free(Pool *pool)
{
	buffer_free(&pool->scratch);
	free(pool->slots);
	free(pool);
}

/*
 * Giving
 */

void
pool_submit(Pool *pool, Job *job)
{
	job_list_append(&pool->queue, job);
}

static bool
job_is_short(const Job *job)
{
	return job->stat->runtime >= 0 && job->stat->runtime < POOL_STACK_RUNTIME;
}

static bool
slot_can_take(const Slot *slot, const Job *job)
{
	if (slot->pid == 0 || slot->retiring || slot->recalled_to != 0 ||
		slot->verdict != VERDICT_NONE)
		return false;
	if (slot->jobs.count == 0)
		return true;
	return job_is_short(job) &&
		slot->stacked + job->stat->runtime < POOL_STACK_RUNTIME &&
		slot->jobs.count < POOL_STACK_COUNT &&
		buffer_length(&slot->out) < POOL_STACK_BYTES;
}

static void
slot_give(Pool *pool, Slot *slot, Job *job)
{
	uint32_t	max = pool->config.max_tasks_per_child;

	job_set_seq(job, ++slot->last_seq);
	buffer_append(&slot->out, job->frame, job->frame_length);
	job_list_append(&slot->jobs, job);

	/* nothing is stacked on a task that may take long */
	job->weight = job_is_short(job) ? job->stat->runtime + 1
		: POOL_STACK_RUNTIME;
	slot->stacked += job->weight;
	pool->given++;
	if ((max > 0 && slot->last_seq >= max) || slot->last_seq >= POOL_SEQ_MAX)
		slot->retiring = true;
}

/* Write what fits; poll() tells when the rest does. */
static void
slot_write(Slot *slot)
{
	while (buffer_length(&slot->out) > 0)
	{
		if (buffer_write(&slot->out, slot->fd) > 0)
			continue;
		/* a dead child is noticed by its SIGCHLD */
		if (errno != EAGAIN)
			buffer_consume(&slot->out, buffer_length(&slot->out));
		return;
	}
}

static void
slot_fill(Pool *pool, Slot *slot)
{
	uint32_t	before = slot->last_seq;

	while (pool->queue.first != NULL &&
		   slot_can_take(slot, pool->queue.first))
		slot_give(pool, slot, job_list_shift(&pool->queue));
	if (slot->last_seq != before)
	{
		page_allow(slot->page, slot->last_seq);
		slot_write(slot);
	}
}

/* Free children first; then short tasks are stacked where they run already. */
void
pool_dispatch(Pool *pool)
{
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < pool->config.concurrency; i++)
		{
			Slot	   *slot = &pool->slots[i];

			if (pool->queue.first == NULL)
				return;
			if ((slot->jobs.count == 0) == (pass == 0))
				slot_fill(pool, slot);
		}
	}
}

/*
 * Facts
 */

int
pool_queued(const Pool *pool)
{
	return pool->queue.count;
}

int
pool_in_hand(const Pool *pool)
{
	return pool->queue.count + pool->given;
}

int
pool_children(const Pool *pool)
{
	int			count = 0;

	for (int i = 0; i < pool->config.concurrency; i++)
		count += pool->slots[i].pid != 0;
	return count;
}

double
pool_runtime(const Pool *pool)
{
	return pool->runtime;
}

bool
pool_expects_soon(const Pool *pool)
{
	for (int i = 0; i < pool->config.concurrency; i++)
	{
		const Slot *slot = &pool->slots[i];

		if (slot->jobs.first != NULL && !slot->jobs.first->started &&
			job_is_short(slot->jobs.first))
			return true;
	}
	return false;
}

static void
pool_note_runtime(Pool *pool, Job *job, int64_t runtime)
{
	job_note_runtime(job, runtime);
	if (pool->runtime < 0)
		pool->runtime = (double) runtime;
	else
		pool->runtime += 0.05 * ((double) runtime - pool->runtime);
}

/*
 * Taking back
 */

/* Put jobs that have not been begun back to the front of the queue. */
static void
slot_return_jobs(Pool *pool, Slot *slot, uint32_t begun)
{
	JobList		rest;
	int			keep = 0;

	for (Job *job = slot->jobs.first; job != NULL && job->seq <= begun;
		 job = job->next)
		keep++;
	job_list_cut(&slot->jobs, keep, &rest);
	pool->given -= rest.count;
	for (Job *job = rest.first; job != NULL; job = job->next)
		job->soft_limit_told = 0;
	job_list_prepend(&pool->queue, &rest);
}

static bool
slot_has_unbegun(const Slot *slot, uint32_t begun)
{
	for (const Job *job = slot->jobs.first; job != NULL; job = job->next)
		if (job->seq > begun)
			return true;
	return false;
}

/*
 * The child may begin nothing more.  It gets new jobs when it has said that it
 * skipped the last one taken back, so the two generations cannot mix.
 */
static void
slot_recall(Pool *pool, Slot *slot)
{
	uint32_t	begun;

	if (slot->pid == 0 || slot->recalled_to != 0)
		return;
	begun = page_recall(slot->page);
	/* what was recalled before is skipped already, and is not told twice */
	if (!slot_has_unbegun(slot, begun))
		return;
	slot->recalled_to = slot->last_seq;
	slot_return_jobs(pool, slot, begun);
}

void
pool_recall(Pool *pool)
{
	for (int i = 0; i < pool->config.concurrency; i++)
		slot_recall(pool, &pool->slots[i]);
}

/* Report a job that leaves the pool without having run to an end. */
static void
pool_end_job(Pool *pool, Job *job, OutcomeState state, const char *exc_type,
			 const char *exc_message)
{
	Report		report = {
		.state = state,
		.countdown = -1,
		.exc_type = text_of(exc_type),
		.exc_message = text_of(exc_message),
	};

	pool->host.outcome(pool->host.data, job, &report);
	job_free(job);
}

void
pool_hand_back(Pool *pool, int keep)
{
	JobList		rest;
	Job		   *job;

	job_list_cut(&pool->queue, keep, &rest);
	while ((job = job_list_shift(&rest)) != NULL)
		pool_end_job(pool, job, OUTCOME_PENDING, NULL, NULL);
}

bool
pool_drop(Pool *pool, const Uuid *id)
{
	Job		   *job;

	for (int i = 0; i < pool->config.concurrency; i++)
		if (job_list_find(&pool->slots[i].jobs, id) != NULL)
			slot_recall(pool, &pool->slots[i]);
	job = job_list_find(&pool->queue, id);
	if (job == NULL)
		return false;
	job_list_remove(&pool->queue, job);
	job_free(job);
	return true;
}

/*
 * Reports
 */

static void
slot_take_report(Pool *pool, Slot *slot, const Frame *frame)
{
	Job		   *job = slot->jobs.first;
	Report		report;

	/* seen already: frames may come from the page and from the socket */
	if (job == NULL || frame->header.seq < job->seq)
		return;
	if (frame->header.seq != job->seq || !frame_get_report(frame, &report))
	{
		log_write(LOG_LEVEL_CRITICAL, "child %s (pid %d) reports nonsense, killing it",
				  slot->name, (int) slot->pid);
		if (!slot->dead)
			kill(slot->pid, SIGKILL);
		return;
	}
	job_list_shift(&slot->jobs);
	pool->given--;
	slot->stacked = slot->jobs.count == 0 ? 0 : slot->stacked - job->weight;
	pool_note_runtime(pool, job, report.runtime);
	pool->host.outcome(pool->host.data, job, &report);
	job_free(job);
}

static void
slot_take_state(Pool *pool, Slot *slot, const Frame *frame)
{
	Job		   *job = slot->jobs.first;
	Text		state;
	Text		info;

	if (job != NULL && job->seq == frame->header.seq &&
		frame_get_state(frame, &state, &info))
		pool->host.state(pool->host.data, job, state, info);
}

static void
slot_take_frame(Pool *pool, Slot *slot, const Frame *frame)
{
	switch ((FrameKind) frame->header.kind)
	{
		case FRAME_REPORT:
			slot_take_report(pool, slot, frame);
			break;
		case FRAME_STATE:
			slot_take_state(pool, slot, frame);
			break;
		case FRAME_SKIPPED:
			if (frame->header.seq == slot->recalled_to)
				slot->recalled_to = 0;
			break;
		case FRAME_DELIVERY:
			break;
	}
}

static void
slot_take_frames(Pool *pool, Slot *slot, Buffer *bytes)
{
	Frame		frame;

	while (frame_peek(buffer_head(bytes), buffer_length(bytes),
					  &frame) == FRAME_READY)
	{
		slot_take_frame(pool, slot, &frame);
		buffer_consume(bytes, frame.header.length);
	}
}

static void
slot_read(Pool *pool, Slot *slot)
{
	ssize_t		got;

	do
	{
		got = buffer_read(&slot->in, slot->fd, POOL_READ_SIZE);
		slot_take_frames(pool, slot, &slot->in);
	}
	while (got > 0);

	/* it is dying, or a task closed the socket: no use either way */
	if (got == 0 && !slot->dead)
		kill(slot->pid, SIGKILL);
}

/*
 * What the child finished but did not send yet, while it is busy with another.
 * The copy comes before the socket is read: whatever the child sent before it
 * kept the copied reports is in the socket by then, so that the order holds.
 */
static void
slot_read_page(Pool *pool, Slot *slot)
{
	page_copy_reports(slot->page, &pool->scratch);
	if (buffer_length(&pool->scratch) == 0)
		return;
	slot_read(pool, slot);
	slot_take_frames(pool, slot, &pool->scratch);
	buffer_consume(&pool->scratch, buffer_length(&pool->scratch));
}

int
pool_fds_max(const Pool *pool)
{
	return pool->config.concurrency;
}

int
pool_fds(Pool *pool, struct pollfd *fds)
{
	int			count = 0;

	for (int i = 0; i < pool->config.concurrency; i++)
	{
		const Slot *slot = &pool->slots[i];

		if (slot->pid == 0)
			continue;
		fds[count].fd = slot->fd;
		fds[count].events = POLLIN;
		if (buffer_length(&slot->out) > 0)
			fds[count].events |= POLLOUT;
		fds[count].revents = 0;
		count++;
	}
	return count;
}

void
pool_handle(Pool *pool, const struct pollfd *fds, int nfds)
{
	int			n = 0;

	for (int i = 0; i < pool->config.concurrency && n < nfds; i++)
	{
		Slot	   *slot = &pool->slots[i];

		if (slot->pid == 0 || slot->fd != fds[n].fd)
			continue;
		if (fds[n].revents & (POLLIN | POLLHUP | POLLERR))
			slot_read(pool, slot);
		if (fds[n].revents & POLLOUT)
			slot_write(slot);
		n++;
	}
}

/*
 * Deaths
 */

static void
slot_doom(Pool *pool, Slot *slot, SlotVerdict verdict, int signo)
{
	slot_recall(pool, slot);
	slot->verdict = verdict;
	slot->kill_at = signo == SIGKILL ? CLOCK_NEVER
		: clock_mono() + POOL_KILL_AFTER;
	kill(slot->pid, signo);
}

static void
pool_describe_death(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

static void
slot_report_lost(Pool *pool, const Slot *slot, Job *job, const char *how)
{
	char		message[160];

	snprintf(message, sizeof(message),
			 "worker process %s (pid %d) ended by %s while running the task",
			 slot->name, (int) slot->pid, how);
	pool_end_job(pool, job, OUTCOME_LOST, "WorkerLostError", message);
}

/* The task a child died with. */
static void
slot_end_running(Pool *pool, Slot *slot, Job *job, const char *how)
{
	char		message[80];

	switch (slot->verdict)
	{
		case VERDICT_NONE:
			slot_report_lost(pool, slot, job, how);
			break;
		case VERDICT_TIME_LIMIT:
			snprintf(message, sizeof(message),
					 "time limit of %g seconds exceeded",
					 (double) job->time_limit / CLOCK_SECOND);
			pool_end_job(pool, job, OUTCOME_FAILURE, "TimeLimitExceeded",
						 message);
			break;
		case VERDICT_TERMINATED:
			pool_end_job(pool, job, OUTCOME_REVOKED, "TaskRevokedError",
						 "terminated");
			break;
		case VERDICT_HANDED_BACK:
			pool_end_job(pool, job, OUTCOME_PENDING, NULL, NULL);
			break;
	}
}

static int64_t
pool_respawn_delay(Pool *pool, int64_t now)
{
	int64_t		delay = POOL_RESPAWN_FIRST;

	if (now - pool->crash_window > POOL_CRASH_WINDOW)
	{
		pool->crash_window = now;
		pool->crashes = 0;
	}
	if (++pool->crashes <= POOL_CRASH_FREE)
		return 0;
	for (int i = POOL_CRASH_FREE + 1; i < pool->crashes; i++)
		if ((delay *= 2) >= POOL_RESPAWN_MAX)
			return POOL_RESPAWN_MAX;
	return delay;
}

static void
slot_bury(Slot *slot)
{
	/* a program outlives the child that started it */
	int32_t		program = atomic_load(&slot->page->program);

	if (program > 0)
		kill(-program, SIGKILL);
	close(slot->fd);
	page_free(slot->page);
	slot->page = NULL;
	slot->pid = 0;
	slot->recalled_to = 0;
	buffer_free(&slot->in);
	buffer_free(&slot->out);
}

static void
slot_log_death(const Slot *slot, const char *how, bool expected)
{
	if (expected)
		log_write(LOG_LEVEL_DEBUG, "Process '%s' pid:%d ended by %s",
				  slot->name, (int) slot->pid, how);
	else
		log_write(LOG_LEVEL_ERROR, "Process '%s' pid:%d exited with '%s'",
				  slot->name, (int) slot->pid, how);
}

static void
slot_died(Pool *pool, Slot *slot, int status)
{
	int64_t		now = clock_mono();
	uint32_t	begun = page_current(slot->page);
	bool		expected;
	char		how[80];
	Job		   *job;

	slot->dead = true;
	slot_read(pool, slot);
	slot_read_page(pool, slot);
	pool_describe_death(status, how, sizeof(how));
	expected = slot->verdict != VERDICT_NONE ||
		(slot->retiring && slot->jobs.count == 0);
	slot_log_death(slot, how, expected);

	slot_return_jobs(pool, slot, begun);
	while ((job = job_list_shift(&slot->jobs)) != NULL)
	{
		pool->given--;
		slot_end_running(pool, slot, job, how);
	}
	slot_bury(slot);
	slot->respawn_at = now + (expected ? 0 : pool_respawn_delay(pool, now));
}

void
pool_reap(Pool *pool)
{
	int			status;
	pid_t		pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
	{
		for (int i = 0; i < pool->config.concurrency; i++)
			if (pool->slots[i].pid == pid)
				slot_died(pool, &pool->slots[i], status);
	}
}

/*
 * Time
 */

/* The task has been running for a while: tell, and do not let others wait. */
static void
slot_mark_started(Pool *pool, Slot *slot, Job *job, int64_t elapsed)
{
	job->started = true;
	pool_note_runtime(pool, job, elapsed);
	pool->host.started(pool->host.data, job, clock_wall() - elapsed);
	slot_recall(pool, slot);
}

static void
slot_log_limit(LogLevel level, const char *which, int64_t limit, const Job *job)
{
	char		id[UUID_TEXT_SIZE];

	uuid_format(&job->id, id);
	log_task(level, job->name, &job->id, "%s time limit (%gs) exceeded for %s[%s]",
			 which, (double) limit / CLOCK_SECOND, job->name.data, id);
}

static void
slot_apply_soft_limit(Slot *slot, Job *job, int64_t now)
{
	if (job->soft_limit_told == 0)
		slot_log_limit(LOG_LEVEL_WARNING, "Soft", job->soft_limit, job);
	atomic_store(&slot->page->soft_limit_seq, job->seq);
	job->soft_limit_told = now;
	kill(slot->pid, SIGUSR1);
}

static void
slot_apply_time_limit(Pool *pool, Slot *slot, Job *job)
{
	slot_log_limit(LOG_LEVEL_ERROR, "Hard", job->time_limit, job);
	slot_doom(pool, slot, VERDICT_TIME_LIMIT, SIGKILL);
}

static int64_t
clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Look at the task a child is running; returns when to look again. */
static int64_t
slot_watch(Pool *pool, Slot *slot, Job *job, int64_t now)
{
	int64_t		began = atomic_load(&slot->page->started_at);
	int64_t		elapsed = now - began;
	int64_t		next = CLOCK_NEVER;

	if (!job->started && elapsed >= POOL_STARTED_AFTER)
		slot_mark_started(pool, slot, job, elapsed);
	if (!job->started)
		next = began + POOL_STARTED_AFTER;

	if (job->time_limit > 0 && slot->verdict == VERDICT_NONE)
	{
		if (elapsed >= job->time_limit)
			slot_apply_time_limit(pool, slot, job);
		else
			next = clock_earlier(next, began + job->time_limit);
	}
	if (job->soft_limit > 0 && slot->verdict == VERDICT_NONE)
	{
		int64_t		due = job->soft_limit_told
			? job->soft_limit_told + POOL_SOFT_REPEAT
			: began + job->soft_limit;

		if (now >= due)
		{
			slot_apply_soft_limit(slot, job, now);
			due = now + POOL_SOFT_REPEAT;
		}
		next = clock_earlier(next, due);
	}
	return next;
}

static int64_t
slot_tick_busy(Pool *pool, Slot *slot, int64_t now)
{
	Job		   *job;

	slot_read_page(pool, slot);
	job = slot->jobs.first;
	if (job == NULL)
		return CLOCK_NEVER;
	if (page_current(slot->page) != job->seq)
		return now + POOL_STARTED_AFTER;
	return slot_watch(pool, slot, job, now);
}

static int64_t
slot_tick(Pool *pool, Slot *slot, int64_t now)
{
	int64_t		next = CLOCK_NEVER;

	if (slot->pid == 0)
	{
		if (pool->retired)
			return CLOCK_NEVER;
		if (now >= slot->respawn_at)
			slot_try_spawn(pool, slot, now);
		/* a new child is to be given work at once */
		return slot->pid == 0 ? slot->respawn_at : now;
	}
	if (slot->jobs.count > 0)
		next = slot_tick_busy(pool, slot, now);
	else if (slot->retiring && slot->recalled_to == 0)
	{
		/* the end of its input ends the child */
		shutdown(slot->fd, SHUT_WR);
	}
	if (slot->verdict != VERDICT_NONE && slot->kill_at != CLOCK_NEVER)
	{
		if (now >= slot->kill_at)
		{
			kill(slot->pid, SIGKILL);
			slot->kill_at = CLOCK_NEVER;
		}
		else
			next = clock_earlier(next, slot->kill_at);
	}
	return next;
}

int64_t
pool_tick(Pool *pool, int64_t now)
{
	int64_t		next = CLOCK_NEVER;

	for (int i = 0; i < pool->config.concurrency; i++)
		next = clock_earlier(next, slot_tick(pool, &pool->slots[i], now));
	return next;
}

/*
 * Commands
 */

static Slot *
pool_slot_of(Pool *pool, const Uuid *id, Job **job)
{
	for (int i = 0; i < pool->config.concurrency; i++)
	{
		*job = job_list_find(&pool->slots[i].jobs, id);
		if (*job != NULL)
			return &pool->slots[i];
	}
	return NULL;
}

void
pool_revoke(Pool *pool, const Uuid *id, bool terminate, int signo)
{
	Job		   *job;
	Slot	   *slot = pool_slot_of(pool, id, &job);

	if (slot != NULL)
		slot_recall(pool, slot);
	job = job_list_find(&pool->queue, id);
	if (job != NULL)
	{
		job_list_remove(&pool->queue, job);
		pool_end_job(pool, job, OUTCOME_REVOKED, "TaskRevokedError",
					 terminate ? "terminated" : "revoked");
		return;
	}
	slot = pool_slot_of(pool, id, &job);
	if (slot == NULL)
		return;
	atomic_store(&slot->page->revoked_seq, job->seq);
	if (terminate && slot->verdict == VERDICT_NONE)
		slot_doom(pool, slot, VERDICT_TERMINATED, signo);
}

void
pool_kill(Pool *pool)
{
	pool->retired = true;
	for (int i = 0; i < pool->config.concurrency; i++)
		if (pool->slots[i].pid != 0)
			slot_doom(pool, &pool->slots[i], VERDICT_HANDED_BACK, SIGKILL);
}

void
pool_retire(Pool *pool)
{
	pool->retired = true;
	for (int i = 0; i < pool->config.concurrency; i++)
		pool->slots[i].retiring = true;
}

void
pool_visit(Pool *pool, void (*visit) (void *data, Job *job), void *data)
{
	for (Job *job = pool->queue.first; job != NULL; job = job->next)
		visit(data, job);
	for (int i = 0; i < pool->config.concurrency; i++)
		for (Job *job = pool->slots[i].jobs.first; job != NULL; job = job->next)
			visit(data, job);
}
