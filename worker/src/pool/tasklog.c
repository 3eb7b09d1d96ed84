/*
 * tasklog.c
 *		The log lines that every task has, in Celery's words.
 */
#include "pool/tasklog.h"

#include "base/clock.h"
#include "base/log.h"

static const char *
tasklog_text(Text text)
{
	return text.data ? text.data : "None";
}

/* How much of tasklog_text() a line shows; nobody reads megabytes. */
static int
tasklog_shown(Text text)
{
	return text.data == NULL || text.length > 1024 ? 1024 : (int) text.length;
}

void
tasklog_received(const Job *job)
{
	char		id[UUID_TEXT_SIZE];

	if (!log_wanted(LOG_LEVEL_INFO))
		return;
	uuid_format(&job->id, id);
	log_task(LOG_LEVEL_INFO, job->name, &job->id, "Task %s[%s] received",
			 job->name.data, id);
}

static LogLevel
tasklog_outcome_level(OutcomeState state)
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

void
tasklog_outcome(const Job *job, const Report *report)
{
	LogLevel	level = tasklog_outcome_level(report->state);
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
					 id, seconds, tasklog_shown(report->result),
					 tasklog_text(report->result));
			break;
		case OUTCOME_FAILURE:
		case OUTCOME_LOST:
			log_task(level, job->name, &job->id,
					 "Task %s[%s] raised unexpected: %s(%s)", job->name.data,
					 id, type, tasklog_text(report->exc_message));
			break;
		case OUTCOME_RETRY:
			if (report->countdown >= 0)
				log_task(level, job->name, &job->id,
						 "Task %s[%s] retry: Retry in %gs: %s", job->name.data,
						 id, report->countdown,
						 tasklog_text(report->exc_message));
			else
				log_task(level, job->name, &job->id,
						 "Task %s[%s] retry: %s", job->name.data, id,
						 tasklog_text(report->exc_message));
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
					 job->name.data, id, tasklog_text(report->exc_message));
			break;
		case OUTCOME_PENDING:
			log_task(level, job->name, &job->id, "Task %s[%s] handed back",
					 job->name.data, id);
			break;
	}
}
