/*
 * test_job.c
 *		job.c: tasks in the supervisor's hands, and lists of them.
 *
 * Guards the accounting: a job that a list loses is never reported, one that
 * is in two lists is reported twice; a list whose end is wrong loses the next.
 */
#include "pool/job.h"

#include "base/clock.h"
#include "sdk/shared.h"
#include "tap.h"

static Job *
new_job(uint8_t number, const char *name, const char *options)
{
	JobLimits	limits = {1, 2};
	Delivery	delivery = {
		.id = {.bytes = {number}},
		.delivery = number,
		.name = text_of(name),
		.options = text_of(options),
	};

	return job_new(&delivery, &limits);
}

static JobList
list_of(int first, int count)
{
	JobList		list;

	job_list_init(&list);
	for (int i = 0; i < count; i++)
		job_list_append(&list, new_job((uint8_t) (first + i), "t", NULL));
	return list;
}

/* The list has these numbers, and its end is where the next one belongs. */
static void
holds(JobList *list, const char *expected, const char *name)
{
	char		got[64] = "";
	int			count = 0;

	job_list_append(list, new_job(99, "t", NULL));
	for (Job *job = list->first; job->id.bytes[0] != 99; job = job->next)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%d",
				 count++ ? " " : "", job->id.bytes[0]);
	is(got, expected, name);
	ok(list->count == count + 1 && *list->end == NULL, "its count and end are right");
	while (list->first != NULL)
		job_free(job_list_shift(list));
	ok(list->count == 0 && list->end == &list->first, "emptied");
}

static void
test_lists(void)
{
	JobList		list = list_of(1, 3);
	JobList		more = list_of(7, 2);
	JobList		rest;
	Job		   *job = job_list_find(&list, &(Uuid) {.bytes = {3}});

	is_int(job->id.bytes[0], 3, "a job is found by its id");
	ok(job_list_find(&list, &(Uuid) {.bytes = {4}}) == NULL, "one that is not there is not");
	job_list_remove(&list, job);
	job_free(job);
	job_list_prepend(&list, &more);
	holds(&list, "7 8 1 2", "the last one removed, others put before");
	is_int(more.count, 0, "what was moved is gone from where it was");

	list = list_of(1, 3);
	job_list_cut(&list, 2, &rest);
	holds(&list, "1 2", "cut behind the second");
	holds(&rest, "3", "what is cut off");

	list = list_of(1, 2);
	job_list_cut(&list, 5, &rest);
	holds(&list, "1 2", "cut behind more than there are");
	holds(&rest, "", "nothing is cut off");

	list = list_of(1, 2);
	job_list_cut(&list, 0, &rest);
	holds(&list, "", "all is cut off");
	job_list_prepend(&list, &rest);
	holds(&list, "1 2", "and put back");
	ok(job_list_shift(&list) == NULL, "an empty list has no first");
}

static void
test_limits(void)
{
	static const struct
	{
		const char *options;
		int64_t		soft;
		int64_t		hard;
	}			cases[] = {
		{NULL, 1000000, 2000000},
		{"{}", 1000000, 2000000},
		{"{\"time_limit\": 0.5}", 1000000, 500000},
		{"{\"soft_time_limit\": 3, \"time_limit\": 0}", 3000000, 0},
		{"{\"time_limit\": -1}", 1000000, 0},
		{"{\"time_limit\": 1e300}", 1000000, 0},
		{"{\"time_limit\": \"5\"}", 1000000, 2000000},
		{"{\"time_limit\": broken", 1000000, 2000000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Job		   *job = new_job(1, "t", cases[i].options);

		ok(job->soft_limit == cases[i].soft && job->time_limit == cases[i].hard,
		   "limits of %s", cases[i].options ? cases[i].options : "no options");
		job_free(job);
	}
}

static void
test_frame(void)
{
	Job		   *job = new_job(5, "name", NULL);
	Frame		frame;
	Delivery	delivery;

	job_set_seq(job, 77);
	ok(frame_peek(job->frame, job->frame_length, &frame) == FRAME_READY &&
	   frame_get_delivery(&frame, &delivery), "a job is a frame");
	is_int(frame.header.seq, 77, "with the number it was given");
	is_int(job->seq, 77, "which it knows");
	is(delivery.name.data, "name", "of this task");
	job_free(job);
}

static void
test_runtimes(void)
{
	Job		   *job = new_job(1, "stat.a", NULL);
	Job		   *same = new_job(2, "stat.a", NULL);
	Job		   *other = new_job(3, "stat.b", NULL);

	ok(!job_is_short(job), "a task nobody has seen is not short");
	job_note_runtime(job, 10);
	ok(job_is_short(same), "it is, when one of its name was");
	ok(!job_is_short(other), "which says nothing of other names");
	job_note_runtime(job, 100 * CELERIAC_SHORT_USEC);
	ok(!job_is_short(same), "one that was long makes it long");
	job_free(job);
	job_free(same);
	job_free(other);
}

/* Names come from outside: what is remembered of them must not grow for ever. */
static void
test_names(void)
{
	JobStat    *before = NULL;
	int			shared = 0;

	for (int i = 0; i < 11000; i++)
	{
		char		name[32];
		Job		   *job;

		snprintf(name, sizeof(name), "many.%d", i);
		job = new_job(1, name, NULL);
		shared += job->stat == before;
		before = job->stat;
		job_free(job);
	}
	ok(shared > 0 && shared < 1100, "beyond many names the rest share an entry");
}

int
main(void)
{
	test_lists();
	test_limits();
	test_frame();
	test_runtimes();
	test_names();
	return tap_done();
}
