/*
 * job.c
 *		A task in the supervisor's hands, and lists of them.
 */
#include "pool/job.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sdk/shared.h"

#define JOB_STAT_BUCKETS	1024

/* names come from outside: beyond this many they share one entry */
#define JOB_STAT_MAX		10000

/* weight of the newest runtime in the average */
#define JOB_STAT_WEIGHT		0.2

/*
 * Lists
 */

void
job_list_init(JobList *list)
{
	list->first = NULL;
	list->end = &list->first;
	list->count = 0;
}

void
job_list_append(JobList *list, Job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
	list->count++;
}

Job *
job_list_shift(JobList *list)
{
	Job		   *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	if (list->first == NULL)
		list->end = &list->first;
	list->count--;
	return job;
}

Job *
job_list_find(const JobList *list, const Uuid *id)
{
	for (Job *job = list->first; job != NULL; job = job->next)
		if (uuid_equal(&job->id, id))
			return job;
	return NULL;
}

void
job_list_remove(JobList *list, Job *job)
{
	for (Job **link = &list->first; *link != NULL; link = &(*link)->next)
	{
		if (*link != job)
			continue;
		*link = job->next;
		if (*link == NULL)
			list->end = link;
		list->count--;
		return;
	}
}

void
job_list_prepend(JobList *list, JobList *moved)
{
	if (moved->first == NULL)
		return;
	*moved->end = list->first;
	if (list->first == NULL)
		list->end = moved->end;
	list->first = moved->first;
	list->count += moved->count;
	job_list_init(moved);
}

void
job_list_cut(JobList *list, int keep, JobList *rest)
{
	Job		  **link = &list->first;

	job_list_init(rest);
	for (int i = 0; i < keep && *link != NULL; i++)
		link = &(*link)->next;
	if (*link == NULL)
		return;
	rest->first = *link;
	rest->end = list->end;
	rest->count = list->count - keep;
	*link = NULL;
	list->end = link;
	list->count = keep;
}

/*
 * Statistics by name
 */

static uint32_t
job_stat_hash(Text name)
{
	uint32_t	hash = UINT32_C(2166136261);	/* FNV-1a */

	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (unsigned char) name.data[i]) * UINT32_C(16777619);
	return hash;
}

static JobStat *
job_stat_add(JobStat **bucket, Text name)
{
	JobStat    *stat = mem_alloc(sizeof(JobStat) + name.length + 1);

	memcpy(stat->name, name.data, name.length);
	stat->name[name.length] = '\0';
	stat->runtime = -1;
	stat->next = *bucket;
	*bucket = stat;
	return stat;
}

static JobStat *
job_stat_get(Text name)
{
	static JobStat *buckets[JOB_STAT_BUCKETS];
	static JobStat *others;
	static int	count;
	JobStat   **bucket = &buckets[job_stat_hash(name) % JOB_STAT_BUCKETS];

	for (JobStat *stat = *bucket; stat != NULL; stat = stat->next)
		if (strcmp(stat->name, name.data) == 0)
			return stat;
	if (count < JOB_STAT_MAX)
	{
		count++;
		return job_stat_add(bucket, name);
	}
	if (others == NULL)
		others = job_stat_add(&others, text_of(""));
	return others;
}

void
job_note_runtime(Job *job, int64_t runtime)
{
	JobStat    *stat = job->stat;

	if (stat->runtime < 0)
		stat->runtime = (double) runtime;
	else
		stat->runtime += JOB_STAT_WEIGHT * ((double) runtime - stat->runtime);
}

bool
job_is_short(const Job *job)
{
	return job->stat->runtime >= 0 && job->stat->runtime < CELERIAC_SHORT_USEC;
}

/*
 * Jobs
 */

static int64_t
job_limit_from(const json_t *options, const char *key, double fallback)
{
	const json_t *value = json_object_get(options, key);
	double		seconds = json_is_number(value) ? json_number_value(value)
		: fallback;

	if (!(seconds > 0))
		return 0;
	return seconds < 1e9 ? (int64_t) (seconds * CLOCK_SECOND) : 0;
}

/* The options are parsed only when they can hold a limit. */
static void
job_set_limits(Job *job, Text options, const JobLimits *defaults)
{
	json_t	   *parsed = NULL;

	if (options.data != NULL && strstr(options.data, "time_limit") != NULL)
		parsed = json_loadb(options.data, options.length, JSON_ALLOW_NUL,
							NULL);
	job->soft_limit = job_limit_from(parsed, "soft_time_limit",
									 defaults->soft_limit);
	job->time_limit = job_limit_from(parsed, "time_limit",
									 defaults->time_limit);
	json_decref(parsed);
}

Job *
job_new(const Delivery *delivery, const JobLimits *defaults)
{
	static Buffer scratch;
	Delivery	own;
	Frame		frame;
	Job		   *job;

	frame_put_delivery(&scratch, 0, delivery);
	job = mem_alloc(sizeof(Job) + buffer_length(&scratch));
	memset(job, 0, sizeof(Job));
	job->frame_length = buffer_length(&scratch);
	memcpy(job->frame, buffer_head(&scratch), job->frame_length);
	buffer_consume(&scratch, job->frame_length);

	/* the texts in our own copy are those that last */
	frame_peek(job->frame, job->frame_length, &frame);
	frame_get_delivery(&frame, &own);
	job->id = own.id;
	job->delivery = own.delivery;
	job->name = own.name;
	job->stat = job_stat_get(own.name);
	job_set_limits(job, own.options, defaults);
	return job;
}

void
job_free(Job *job)
{
	free(job);
}

void
job_set_seq(Job *job, uint32_t seq)
{
	FrameHeader header;

	job->seq = seq;
	memcpy(&header, job->frame, sizeof(header));
	header.seq = seq;
	memcpy(job->frame, &header, sizeof(header));
}
