/*
 * test_slot.c
 *		slot.c: what a child is given, and what is taken back from it.
 *
 * Guards the rule that a task runs once: what is taken back has not begun and
 * will not, and what has begun is not taken back.  The child is played by the
 * test, over a real socket and a real page.
 */
#include "pool/slot.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/limit.h"
#include "pool/respawn.h"
#include "sdk/shared.h"
#include "tap.h"

static Slot slot;
static int	child;				/* our end of its socket */

static Job *
new_job(uint8_t number, const char *name)
{
	JobLimits	none = {0, 0};
	Delivery	delivery = {.id = {.bytes = {number}}, .name = text_of(name)};

	return job_new(&delivery, &none);
}

static void
open_slot(void)
{
	int			sockets[2];

	memset(&slot, 0, sizeof(slot));
	slot_init(&slot, 1);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
		return;
	fcntl(sockets[0], F_SETFL, O_NONBLOCK);
	slot.fd = sockets[0];
	child = sockets[1];
	slot.page = page_new();
	slot.pid = getpid();		/* alive, and never signalled here */
}

static void
close_slot(void)
{
	while (slot.jobs.first != NULL)
		job_free(job_list_shift(&slot.jobs));
	slot_bury(&slot);
	close(child);
}

static void
take_frame(void *data, Slot *from, const Frame *frame)
{
	(void) from;
	*(uint32_t *) data = frame->header.seq;
}

static void
test_stacking(void)
{
	Job		   *unknown = new_job(1, "slot.unknown");
	Job		   *quick = new_job(2, "slot.quick");
	Job		   *half = new_job(3, "slot.half");
	Job		   *slow = new_job(4, "slot.slow");

	open_slot();
	job_note_runtime(quick, 1);
	job_note_runtime(half, CELERIAC_SHORT_USEC * 6 / 10);
	job_note_runtime(slow, 2 * CELERIAC_SHORT_USEC);
	ok(slot_can_take(&slot, unknown), "a free child takes any task");
	slot_give(&slot, half);
	ok(!slot_can_take(&slot, unknown), "nothing unknown is put behind another");
	ok(!slot_can_take(&slot, slow), "nor anything slow");
	ok(slot_can_take(&slot, quick), "what is short is");
	slot_give(&slot, quick);
	ok(!slot_can_take(&slot, half), "until it would take too long together");
	close_slot();

	open_slot();
	slot_give(&slot, slow);
	quick = new_job(5, "slot.quick");
	ok(!slot_can_take(&slot, quick), "nothing waits behind a slow task");
	close_slot();

	open_slot();
	slot.retiring = true;
	ok(!slot_can_take(&slot, quick), "a child that is to end takes nothing");
	slot.retiring = false;
	slot.verdict = VERDICT_TIME_LIMIT;
	ok(!slot_can_take(&slot, quick), "nor does one that is being killed");
	close_slot();
	job_free(unknown);
	job_free(quick);
}

static void
give_short(int count)
{
	for (int i = 0; i < count; i++)
	{
		Job		   *job = new_job((uint8_t) (i + 1), "slot.quick");

		job_note_runtime(job, 1);
		slot_give(&slot, job);
	}
	slot_send(&slot);
}

static void
test_recall(void)
{
	JobList		taken;

	open_slot();
	give_short(4);
	ok(page_begin(slot.page, 1, clock_mono()), "a task that was given may begin");
	slot_recall(&slot, &taken);
	is_int(taken.count, 3, "what has not begun is taken back");
	is_int(slot.jobs.count, 1, "what has begun is not");
	ok(!page_begin(slot.page, 2, clock_mono()), "what was taken back cannot begin");
	is_int(slot.recalled_to, 4, "the child is to say when it has skipped all");
	ok(!slot_can_take(&slot, taken.first), "until then it gets nothing");
	while (taken.first != NULL)
		job_free(job_list_shift(&taken));
	slot_recall(&slot, &taken);
	is_int(taken.count, 0, "nothing is taken back twice");

	slot.recalled_to = 0;
	give_short(1);
	is_int(slot.last_seq, 5, "numbers go on");
	ok(page_begin(slot.page, 5, clock_mono()), "the next generation may begin");
	slot_recall(&slot, &taken);
	is_int(slot.recalled_to, 0, "recalling nothing waits for nothing");
	close_slot();
}

static void
test_listening(void)
{
	Buffer		frame = {0};
	uint32_t	seen = 0;

	open_slot();
	frame_put_skipped(&frame, 9);
	ok(write(child, buffer_head(&frame), 5) == 5, "half a frame");
	slot_read(&slot, take_frame, &seen);
	is_int(seen, 0, "is none");
	ok(write(child, buffer_head(&frame) + 5, buffer_length(&frame) - 5) > 0,
	   "the rest of it");
	slot_read(&slot, take_frame, &seen);
	is_int(seen, 9, "is one");

	frame.start = frame.end = 0;
	frame_put_skipped(&frame, 10);
	page_keep_report(slot.page, buffer_head(&frame), buffer_length(&frame));
	slot_read_page(&slot, take_frame, &seen);
	is_int(seen, 10, "what the child keeps in its page is heard");
	buffer_free(&frame);
	close_slot();
}

static void
test_limits(void)
{
	int64_t		now = clock_mono();
	Job		   *job = new_job(1, "slot.limited");

	open_slot();
	atomic_store(&slot.page->started_at, now);
	ok(limit_watch(&slot, job, now) == CLOCK_NEVER && !limit_is_over(&slot, job, now),
	   "no limit, nothing to look at");
	job->time_limit = CLOCK_SECOND;
	ok(limit_watch(&slot, job, now) == now + CLOCK_SECOND, "looked at when it is over");
	ok(!limit_is_over(&slot, job, now + CLOCK_SECOND - 1), "not before");
	ok(limit_is_over(&slot, job, now + CLOCK_SECOND), "then");
	job->soft_limit = CLOCK_SECOND / 2;
	ok(limit_watch(&slot, job, now) == now + CLOCK_SECOND / 2,
	   "the earlier one of two limits counts");
	is_int(atomic_load(&slot.page->soft_limit_seq), 0, "the task was told nothing");
	job_free(job);
	close_slot();
}

static void
test_respawn(void)
{
	Respawn		respawn = {0};
	int64_t		now = clock_mono();
	int64_t		before = 0;
	bool		grows = true;

	for (int i = 0; i < 50; i++)
		before += respawn_delay(&respawn, now);
	is_int(before, 0, "fifty crashes are made good at once");
	for (int i = 0; i < 20; i++)
	{
		int64_t		delay = respawn_delay(&respawn, now);

		grows = grows && delay > 0 && delay >= before && delay <= RESPAWN_MAX;
		before = delay;
	}
	ok(grows && before == RESPAWN_MAX, "then pauses grow, up to a limit");
	is_int(respawn_delay(&respawn, now + 60 * CLOCK_SECOND), 0,
		   "after a quiet while all is forgiven");
}

int
main(void)
{
	test_stacking();
	test_recall();
	test_listening();
	test_limits();
	test_respawn();
	return tap_done();
}
