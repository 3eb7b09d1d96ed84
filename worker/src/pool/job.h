/*
 * job.h
 *		A task in the supervisor's hands, and lists of them.
 */
#ifndef CELERIAC_WORKER_POOL_JOB_H
#define CELERIAC_WORKER_POOL_JOB_H

#include "pool/frame.h"

/* What is known about the tasks of one name. */
typedef struct JobStat
{
	struct JobStat *next;		/* in its hash chain */
	double		runtime;		/* moving average, microseconds; < 0 unknown */
	char		name[];
} JobStat;

/*
 * From the fetch until its outcome is known it is in exactly one list: the
 * pool's queue, or that of the child it was given to.
 */
typedef struct Job
{
	struct Job *next;
	Uuid		id;
	int32_t		delivery;		/* the fencing number */
	uint32_t	seq;			/* at the child that has it */
	int64_t		soft_limit;		/* microseconds of runtime; 0 = none */
	int64_t		time_limit;
	int64_t		soft_limit_told;	/* clock_mono() of the last signal; or 0 */
	double		weight;			/* what it adds to its child's stack */
	bool		started;		/* seen running for a while, and reported */
	Text		name;			/* in frame */
	JobStat    *stat;
	size_t		frame_length;
	char		frame[];		/* what a child is sent; seq not filled in */
} Job;

typedef struct JobList
{
	Job		   *first;
	Job		  **end;			/* where the next one is linked */
	int			count;
} JobList;

extern void job_list_init(JobList *list);
extern void job_list_append(JobList *list, Job *job);
extern Job *job_list_shift(JobList *list);
extern Job *job_list_find(const JobList *list, const Uuid *id);
extern void job_list_remove(JobList *list, Job *job);

/* Move all of a list before the first of another. */
extern void job_list_prepend(JobList *list, JobList *moved);

/* Cut off what comes behind the first keep jobs. */
extern void job_list_cut(JobList *list, int keep, JobList *rest);

/* Limits in seconds of tasks that bring none of their own; 0 = none. */
typedef struct JobLimits
{
	double		soft_limit;
	double		time_limit;
} JobLimits;

extern Job *job_new(const Delivery *delivery, const JobLimits *defaults);
extern void job_free(Job *job);

/* Fill in the number it has at a child. */
extern void job_set_seq(Job *job, uint32_t seq);

/* Tell how long one took, or is known to take at least. */
extern void job_note_runtime(Job *job, int64_t runtime);

/* It may be stacked at a child behind others. */
extern bool job_is_short(const Job *job);

#endif							/* CELERIAC_WORKER_POOL_JOB_H */
