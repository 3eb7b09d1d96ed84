/*
 * tasklog.h
 *		The log lines that every task has, in Celery's words.
 */
#ifndef CELERIAC_WORKER_POOL_TASKLOG_H
#define CELERIAC_WORKER_POOL_TASKLOG_H

#include "pool/job.h"
#include "pool/report.h"

extern void tasklog_received(const Job *job);
extern void tasklog_outcome(const Job *job, const Report *report);

#endif							/* CELERIAC_WORKER_POOL_TASKLOG_H */
