/*
 * pool.c
 *		The children of a worker: who runs what.
 *
 * A child gets one task when it is free, or up to a millisecond's worth of
 * tasks that are known to be short.  What was stacked behind a task that turns
 * out to be long is recalled and given to others.
 *
 * Deaths: first everything the child said is read, from its socket and from
 * the page, then the one task it was running is reported, and the rest goes
 * back to the front of the queue.
 */
#include "pool/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pool/death.h"
#include "pool/limit.h"
#include "pool/respawn.h"
#include "pool/slot.h"
#include "sdk/shared.h"

/* running so long, a task is reported as started */
#define POOL_STARTED_AFTER	(20 * CLOCK_MS)

struct Pool
{
	PoolConfig	config;
	PoolHost	host;
	JobList		queue;
	Slot	   *slots;
	int			given;			/* jobs in all slots */
	double		runtime;
	bool		retired;		/* start no new children */
	Respawn		respawn;
	SlotStart	start;
};

/*
 * Starting children
 */

static void
pool_in_child(void *data, const Slot *slot)
{
	Pool	   *pool = data;

	for (int i = 0; i < pool->config.concurrency; i++)
		if (&pool->slots[i] != slot && pool->slots[i].pid != 0)
			close(pool->slots[i].fd);
	pool->host.in_child(pool->host.data);
}

/* When the system cannot, it is tried again later. */
static void
pool_spawn(Pool *pool, Slot *slot, int64_t now)
{
	if (slot_spawn(slot, &pool->start))
		return;
	log_write(LOG_LEVEL_ERROR, "cannot start a child: %s", strerror(errno));
	slot->respawn_at = now + RESPAWN_MAX;
}

Pool *
pool_new(const PoolConfig *config, const PoolHost *host)
{
	Pool	   *pool = mem_zalloc(sizeof(Pool));

	pool->config = *config;
	pool->host = *host;
	pool->runtime = -1;
	pool->start = (SlotStart) {
		.supervisor = getpid(),
		.catalog = config->catalog,
		.in_child = pool_in_child,
		.data = pool,
	};
	pool->slots = mem_zalloc((size_t) config->concurrency * sizeof(Slot));
	job_list_init(&pool->queue);
	for (int i = 0; i < config->concurrency; i++)
		slot_init(&pool->slots[i], i + 1);
	for (int i = 0; i < config->concurrency; i++)
		pool_spawn(pool, &pool->slots[i], clock_mono());
	return pool;
}

void
pool_free(Pool *pool)
{
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

static void
pool_give(Pool *pool, Slot *slot, Job *job)
{
	uint32_t	max = pool->config.max_tasks_per_child;

	slot_give(slot, job);
	pool->given++;
	if (max > 0 && slot->last_seq >= max)
		slot->retiring = true;
}

static void
pool_fill(Pool *pool, Slot *slot)
{
	uint32_t	before = slot->last_seq;

	while (pool->queue.first != NULL &&
		   slot_can_take(slot, pool->queue.first))
		pool_give(pool, slot, job_list_shift(&pool->queue));
	if (slot->last_seq != before)
		slot_send(slot);
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
				pool_fill(pool, slot);
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

/* What a child has not begun goes back to the front of the queue. */
static void
pool_requeue(Pool *pool, JobList *jobs)
{
	pool->given -= jobs->count;
	job_list_prepend(&pool->queue, jobs);
}

static void
pool_recall_slot(Pool *pool, Slot *slot)
{
	JobList		taken;

	slot_recall(slot, &taken);
	pool_requeue(pool, &taken);
}

void
pool_recall(Pool *pool)
{
	for (int i = 0; i < pool->config.concurrency; i++)
		pool_recall_slot(pool, &pool->slots[i]);
}

/* Report a job that leaves the pool without having run to an end. */
static void
pool_end_job(Pool *pool, Job *job, const Report *report)
{
	pool->host.outcome(pool->host.data, job, report);
	job_free(job);
}

void
pool_hand_back(Pool *pool, int keep)
{
	JobList		rest;
	Job		   *job;

	job_list_cut(&pool->queue, keep, &rest);
	while ((job = job_list_shift(&rest)) != NULL)
	{
		Report		report = report_ended(OUTCOME_PENDING, NULL, NULL);

		pool_end_job(pool, job, &report);
	}
}

bool
pool_drop(Pool *pool, const Uuid *id)
{
	Job		   *job;

	for (int i = 0; i < pool->config.concurrency; i++)
		if (job_list_find(&pool->slots[i].jobs, id) != NULL)
			pool_recall_slot(pool, &pool->slots[i]);
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
pool_take_report(Pool *pool, Slot *slot, const Frame *frame)
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
pool_take_state(Pool *pool, Slot *slot, const Frame *frame)
{
	Job		   *job = slot->jobs.first;
	Text		state;
	Text		info;

	if (job != NULL && job->seq == frame->header.seq &&
		frame_get_state(frame, &state, &info))
		pool->host.state(pool->host.data, job, state, info);
}

static void
pool_take_frame(void *data, Slot *slot, const Frame *frame)
{
	Pool	   *pool = data;

	switch ((FrameKind) frame->header.kind)
	{
		case FRAME_REPORT:
			pool_take_report(pool, slot, frame);
			break;
		case FRAME_STATE:
			pool_take_state(pool, slot, frame);
			break;
		case FRAME_SKIPPED:
			if (frame->header.seq == slot->recalled_to)
				slot->recalled_to = 0;
			break;
		case FRAME_DELIVERY:
			break;
	}
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
		fds[count++] = (struct pollfd) {
			.fd = slot->fd,
			.events = POLLIN | (buffer_length(&slot->out) > 0 ? POLLOUT : 0),
		};
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
			slot_read(slot, pool_take_frame, pool);
		if (fds[n].revents & POLLOUT)
			slot_write(slot);
		n++;
	}
}

/*
 * Deaths
 */

static void
pool_doom(Pool *pool, Slot *slot, SlotVerdict verdict, int signo)
{
	pool_recall_slot(pool, slot);
	slot_doom(slot, verdict, signo);
}

static void
pool_end_jobs(Pool *pool, Slot *slot, const char *how)
{
	Job		   *job;

	while ((job = job_list_shift(&slot->jobs)) != NULL)
	{
		char		message[DEATH_MESSAGE_SIZE];
		Report		report = death_report(slot, job, how, message);

		pool->given--;
		pool_end_job(pool, job, &report);
	}
}

static void
pool_child_died(Pool *pool, Slot *slot, int status)
{
	int64_t		now = clock_mono();
	uint32_t	begun = page_current(slot->page);
	JobList		rest;
	bool		expected;
	char		how[DEATH_HOW_SIZE];

	slot->dead = true;
	slot_read(slot, pool_take_frame, pool);
	slot_read_page(slot, pool_take_frame, pool);
	death_describe(status, how);
	expected = slot->verdict != VERDICT_NONE ||
		(slot->retiring && slot->jobs.count == 0);
	death_log(slot, how, expected);

	slot_take_back(slot, begun, &rest);
	pool_requeue(pool, &rest);
	pool_end_jobs(pool, slot, how);
	slot_bury(slot);
	slot->respawn_at = now + (expected ? 0 : respawn_delay(&pool->respawn, now));
}

void
pool_reap(Pool *pool)
{
	int			status;
	pid_t		pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < pool->config.concurrency; i++)
			if (pool->slots[i].pid == pid)
				pool_child_died(pool, &pool->slots[i], status);
}

/*
 * Time
 */

/* The task has been running for a while: tell, and do not let others wait. */
static void
pool_mark_started(Pool *pool, Slot *slot, Job *job, int64_t elapsed)
{
	job->started = true;
	pool_note_runtime(pool, job, elapsed);
	pool->host.started(pool->host.data, job, clock_wall() - elapsed);
	pool_recall_slot(pool, slot);
}

/* Look at the task a child is running; returns when to look again. */
static int64_t
pool_watch(Pool *pool, Slot *slot, Job *job, int64_t now)
{
	int64_t		next = CLOCK_NEVER;
	int64_t		began = atomic_load(&slot->page->started_at);

	if (!job->started && now - began >= POOL_STARTED_AFTER)
		pool_mark_started(pool, slot, job, now - began);
	if (!job->started)
		next = began + POOL_STARTED_AFTER;
	if (slot->verdict != VERDICT_NONE)
		return next;
	next = clock_earlier(next, limit_watch(slot, job, now));
	if (limit_is_over(slot, job, now))
		pool_doom(pool, slot, VERDICT_TIME_LIMIT, SIGKILL);
	return next;
}

static int64_t
pool_tick_busy(Pool *pool, Slot *slot, int64_t now)
{
	Job		   *job;

	slot_read_page(slot, pool_take_frame, pool);
	job = slot->jobs.first;
	if (job == NULL)
		return CLOCK_NEVER;
	if (page_current(slot->page) != job->seq)
		return now + POOL_STARTED_AFTER;
	return pool_watch(pool, slot, job, now);
}

static int64_t
pool_tick_slot(Pool *pool, Slot *slot, int64_t now)
{
	int64_t		next = CLOCK_NEVER;

	if (slot->pid == 0)
	{
		if (pool->retired)
			return CLOCK_NEVER;
		if (now >= slot->respawn_at)
			pool_spawn(pool, slot, now);
		/* a new child is to be given work at once */
		return slot->pid == 0 ? slot->respawn_at : now;
	}
	if (slot->jobs.count > 0)
		next = pool_tick_busy(pool, slot, now);
	else if (slot->retiring && slot->recalled_to == 0)
		shutdown(slot->fd, SHUT_WR);	/* which ends the child */
	return clock_earlier(next, slot_insist(slot, now));
}

int64_t
pool_tick(Pool *pool, int64_t now)
{
	int64_t		next = CLOCK_NEVER;

	for (int i = 0; i < pool->config.concurrency; i++)
		next = clock_earlier(next, pool_tick_slot(pool, &pool->slots[i], now));
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

bool
pool_has(Pool *pool, const Uuid *id)
{
	Job		   *job;

	return pool_slot_of(pool, id, &job) != NULL ||
		job_list_find(&pool->queue, id) != NULL;
}

void
pool_revoke(Pool *pool, const Uuid *id, bool terminate, int signo)
{
	Job		   *job;
	Slot	   *slot = pool_slot_of(pool, id, &job);

	if (slot != NULL)
		pool_recall_slot(pool, slot);
	job = job_list_find(&pool->queue, id);
	if (job != NULL)
	{
		Report		report = report_ended(OUTCOME_REVOKED, EXC_REVOKED,
										  terminate ? REVOKED_TERMINATED : REVOKED_PLAIN);

		job_list_remove(&pool->queue, job);
		pool_end_job(pool, job, &report);
		return;
	}
	slot = pool_slot_of(pool, id, &job);
	if (slot == NULL)
		return;
	atomic_store(&slot->page->revoked_seq, job->seq);
	if (terminate && slot->verdict == VERDICT_NONE)
		pool_doom(pool, slot, VERDICT_TERMINATED, signo);
}

void
pool_kill(Pool *pool)
{
	pool->retired = true;
	for (int i = 0; i < pool->config.concurrency; i++)
		if (pool->slots[i].pid != 0)
			pool_doom(pool, &pool->slots[i], VERDICT_HANDED_BACK, SIGKILL);
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
