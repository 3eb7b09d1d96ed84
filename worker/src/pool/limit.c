/*
 * limit.c
 *		The time limits of the task that a child is running.
 */
#include "pool/limit.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"

/* the soft limit's signal is repeated, it may have come before a sleep */
#define LIMIT_SOFT_REPEAT	CLOCK_SECOND

static void
limit_log(LogLevel level, const char *which, int64_t limit, const Job *job)
{
	char		id[UUID_TEXT_SIZE];

	uuid_format(&job->id, id);
	log_task(level, job->name, &job->id, "%s time limit (%gs) exceeded for %s[%s]",
			 which, (double) limit / CLOCK_SECOND, job->name.data, id);
}

static void
limit_tell(Slot *slot, Job *job, int64_t now)
{
	if (job->soft_limit_told == 0)
		limit_log(LOG_LEVEL_WARNING, "Soft", job->soft_limit, job);
	atomic_store(&slot->page->soft_limit_seq, job->seq);
	job->soft_limit_told = now;
	kill(slot->pid, SIGUSR1);
}

static int64_t
limit_soft_due(const Job *job, int64_t began)
{
	if (job->soft_limit == 0)
		return CLOCK_NEVER;
	return job->soft_limit_told ? job->soft_limit_told + LIMIT_SOFT_REPEAT
		: began + job->soft_limit;
}

int64_t
limit_watch(Slot *slot, Job *job, int64_t now)
{
	int64_t		began = atomic_load(&slot->page->started_at);
	int64_t		hard = job->time_limit > 0 ? began + job->time_limit : CLOCK_NEVER;

	if (now >= hard)
		return CLOCK_NEVER;
	if (now >= limit_soft_due(job, began))
		limit_tell(slot, job, now);
	return clock_earlier(hard, limit_soft_due(job, began));
}

bool
limit_is_over(const Slot *slot, const Job *job, int64_t now)
{
	if (job->time_limit == 0 ||
		now - atomic_load(&slot->page->started_at) < job->time_limit)
		return false;
	limit_log(LOG_LEVEL_ERROR, "Hard", job->time_limit, job);
	return true;
}
