/*
 * test_page.c
 *		page.c: recalling tasks, and reports that survive their writer.
 */
#include "pool/page.h"

#include <sys/wait.h>
#include <unistd.h>

#include "pool/frame.h"
#include "tap.h"

static void
test_progress(void)
{
	Page	   *page = page_new();

	ok(!page_begin(page, 1, 5), "nothing may begin at first");
	page_allow(page, 3);
	ok(page_begin(page, 1, 10), "then the first may");
	is_int(page_current(page), 1, "and is the current one");
	is_int(atomic_load(&page->started_at), 10, "since when");
	is_int(page_recall(page), 1, "a recall tells how far it got");
	ok(!page_begin(page, 2, 11), "what was recalled does not begin");
	is_int(page_current(page), 1, "the current one is still the first");
	page_allow(page, 4);
	ok(page_begin(page, 4, 12), "later ones may");
	page_free(page);
}

static void
keep(Page *page, uint32_t seq)
{
	Report		report = {.state = OUTCOME_SUCCESS};
	Buffer		frame = {0};

	frame_put_report(&frame, seq, &report);
	page_keep_report(page, buffer_head(&frame), buffer_length(&frame));
	buffer_free(&frame);
}

static uint32_t
first_seq(Page *page)
{
	Buffer		bytes = {0};
	Frame		frame = {.header.seq = 0};

	page_copy_reports(page, &bytes);
	if (frame_peek(buffer_head(&bytes), buffer_length(&bytes),
				   &frame) != FRAME_READY)
		frame.header.seq = 0;
	buffer_free(&bytes);
	return frame.header.seq;
}

static void
test_reports(void)
{
	Page	   *page = page_new();
	static char large[PAGE_REPORTS_SIZE];

	is_int(first_seq(page), 0, "no reports");
	keep(page, 7);
	keep(page, 8);
	is_int(first_seq(page), 7, "the first one kept");
	ok(!page_keep_report(page, large, sizeof(large)),
	   "one that does not fit is refused");
	page_forget_reports(page);
	is_int(first_seq(page), 0, "forgotten");
	keep(page, 9);
	is_int(first_seq(page), 9, "a new one");
	page_free(page);
}

/* What a process kept is there after it crashed. */
static void
test_crash(void)
{
	Page	   *page = page_new();
	int			status;
	pid_t		pid;

	page_allow(page, 2);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
	{
		page_begin(page, 1, 1);
		keep(page, 1);
		page_begin(page, 2, 2);
		_exit(9);
	}
	waitpid(pid, &status, 0);
	is_int(page_current(page), 2, "the task it died with");
	is_int(first_seq(page), 1, "the report of the one before");
	page_free(page);
}

/*
 * One process begins tasks as fast as it can while the other recalls: each
 * task is either begun or recalled, never both.
 */
static void
test_race(void)
{
	Page	   *page = page_new();
	_Atomic uint64_t *begun = (void *) page->reports;
	bool		agree = true;
	int			status;
	pid_t		pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
	{
		for (uint32_t seq = 1; seq <= 300000;)
		{
			if (page_begin(page, seq, seq))
			{
				atomic_store(begun, seq);
				seq++;
			}
		}
		_exit(0);
	}
	for (uint32_t limit = 10; limit < 300000; limit += 10)
	{
		uint32_t	current;

		page_allow(page, limit);
		current = page_recall(page);
		for (int i = 0; i < 20; i++)
			agree = agree && page_current(page) == current &&
				atomic_load(begun) <= current;
		limit = current > limit ? current : limit;
	}
	page_allow(page, 300000);
	waitpid(pid, &status, 0);
	ok(agree, "nothing begins after it was recalled");
	page_free(page);
}

int
main(void)
{
	test_progress();
	test_reports();
	test_crash();
	test_race();
	return tap_done();
}
