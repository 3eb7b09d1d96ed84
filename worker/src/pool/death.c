/*
 * death.c
 *		What becomes of the task that a child died with.
 */
#include "pool/death.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "sdk/shared.h"

void
death_describe(int status, char how[DEATH_HOW_SIZE])
{
	if (WIFSIGNALED(status))
		snprintf(how, DEATH_HOW_SIZE, "signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
	else
		snprintf(how, DEATH_HOW_SIZE, "exit status %d", WEXITSTATUS(status));
}

void
death_log(const Slot *slot, const char *how, bool expected)
{
	if (expected)
		log_write(LOG_LEVEL_DEBUG, "Process '%s' pid:%d ended by %s",
				  slot->name, (int) slot->pid, how);
	else
		log_write(LOG_LEVEL_ERROR, "Process '%s' pid:%d exited with '%s'",
				  slot->name, (int) slot->pid, how);
}

Report
death_report(const Slot *slot, const Job *job, const char *how,
			 char message[DEATH_MESSAGE_SIZE])
{
	switch (slot->verdict)
	{
		case VERDICT_NONE:
			break;
		case VERDICT_TIME_LIMIT:
			snprintf(message, DEATH_MESSAGE_SIZE,
					 "time limit of %g seconds exceeded",
					 (double) job->time_limit / CLOCK_SECOND);
			return report_ended(OUTCOME_FAILURE, EXC_TIME_LIMIT, message);
		case VERDICT_TERMINATED:
			return report_ended(OUTCOME_REVOKED, EXC_REVOKED,
								REVOKED_TERMINATED);
		case VERDICT_HANDED_BACK:
			return report_ended(OUTCOME_PENDING, NULL, NULL);
	}
	snprintf(message, DEATH_MESSAGE_SIZE,
			 "worker process %s (pid %d) ended by %s while running the task",
			 slot->name, (int) slot->pid, how);
	return report_ended(OUTCOME_LOST, EXC_WORKER_LOST, message);
}
