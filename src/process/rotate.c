/*
 * rotate.c
 *		The coordinator's care of segments: which one takes new rows, and
 *		emptying those that are done with.
 *
 * Messages.  When the current segment is full, or has some rows worth the
 * trouble and nobody sends any more, another that is empty becomes current.
 * One that is not current is looked at until nothing is left in it; what stays
 * for long (delayed, running, retried) moves to segment 0 when it is not much.
 * Then it is emptied.  No record is kept: whichever segment is current, and
 * whatever is where, nothing is lost, and a coordinator that starts looks.
 *
 * Results.  The current segment is closed after a part of result_expires, and
 * emptied once it has been closed for all of it.  When it was opened and closed
 * is a row of celeriac_segment, since a restart must neither keep results for
 * ever nor take them too early: opened in a transaction before the segment
 * becomes current, closed after it has ceased to be, when nobody writes to it
 * any more.  A segment that holds rows and has no row there counts from now.
 *
 * What cannot be done now is tried again after a pause that grows.  When
 * nothing has changed, nothing is tried, so that an idle server is idle.
 */
#include "process/rotate.h"

#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/guc.h"
#include "base/relation.h"
#include "base/row.h"
#include "process/bgw.h"
#include "rows/empty.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/statement.h"
#include "shmem/database.h"
#include "shmem/gate.h"
#include "shmem/segment.h"
#include "shmem/shmem.h"

/* So few rows are moved rather than waited for. */
#define STRAGGLERS		1000

#define FIRST_PAUSE_MS	100
#define MOST_PAUSE_MS	30000

/* Nobody has sent for so long: it is quiet. */
#define QUIET_MS		1000
/* A segment with rows worth the trouble is not kept longer than that. */
#define MOST_AGE_MS		60000

/* Tasks that are about to run need not be moved before. */
#define PATIENCE_MS		2000

/* What this coordinator knows of a segment that is not current. */
typedef struct OldSegment
{
	bool		used;			/* there may be something in it */
	bool		waits;			/* it holds much: not before tasks have ended */
	bool		moved;			/* of results: what is wanted is elsewhere */
	TimestampTz since;			/* it is so */
	TimestampTz next;			/* not to be tried before */
	int			pause;			/* milliseconds, after the next failure */
} OldSegment;

static OldSegment old_messages[CEL_MESSAGE_SEGMENTS];
static OldSegment old_results[CEL_RESULT_SEGMENTS];

static CelSegments *
message_segments(void)
{
	return &celeriac_my_database()->messages;
}

static CelSegments *
result_segments(void)
{
	return &celeriac_my_database()->results;
}

static void
begin(CelContext *context, const char *activity)
{
	celeriac_bgw_begin(activity);
	celeriac_enter_worker(context);
}

static void
commit(CelContext *context)
{
	celeriac_leave(context);
	celeriac_bgw_commit();
	celeriac_gate_open();
}

static void
set_used(OldSegment *old)
{
	old->used = true;
	old->moved = false;
	old->since = GetCurrentTimestamp();
	old->next = 0;
	old->pause = FIRST_PAUSE_MS;
}

static void
pause_segment(OldSegment *old)
{
	old->next = celeriac_time_after_ms(old->pause);
	old->pause = Min(old->pause * 2, MOST_PAUSE_MS);
}

/* A segment not in use, the next after the current one; 0 = there is none. */
static int
next_unused(const OldSegment *old, int count, int current)
{
	for (int i = 1; i < count; i++)
	{
		int			number = (current + i - 1) % (count - 1) + 1;

		if (number != current && !old[number].used)
			return number;
	}
	return 0;
}

/* What is known of another extension, or of nothing, is forgotten. */
static void
find_used(OldSegment *old, const Oid *relids, int count)
{
	memset(old, 0, count * sizeof(OldSegment));
	for (int i = 1; i < count; i++)
	{
		if (!celeriac_segment_is_empty(relids[i]))
			set_used(&old[i]);
	}
}

/*
 * Messages
 */
static uint64 last_added;		/* rows in the current segment at the last
								 * look */
static TimestampTz quiet_since;
static TimestampTz worth_since; /* 0 = it is not worth emptying yet */

static void
make_current(int number)
{
	celeriac_segment_switch(message_segments(), number);
	last_added = 0;
	worth_since = 0;
}

/* After a start: one that is empty if there is one. */
static void
discover_messages(void)
{
	CelContext	context;
	int			current = pg_atomic_read_u32(&message_segments()->current);

	begin(&context, "looking at segments of messages");
	find_used(old_messages, CelExt.messages, CEL_MESSAGE_SEGMENTS);
	commit(&context);
	if (current == 0)
	{
		current = next_unused(old_messages, CEL_MESSAGE_SEGMENTS, 0);
		make_current(current == 0 ? 1 : current);
	}
}

/* When the current segment is to be left for another. */
static TimestampTz
when_to_switch(void)
{
	uint64		added = pg_atomic_read_u64(&message_segments()->added);
	TimestampTz now = GetCurrentTimestamp();

	if (added < CEL_SEGMENT_WORTH)
		return NEVER;
	if (added >= CEL_SEGMENT_FULL)
		return now;
	if (worth_since == 0)
		worth_since = now;
	if (added != last_added)
		quiet_since = now;
	last_added = added;
	return Min(TimestampTzPlusMilliseconds(quiet_since, QUIET_MS),
			   TimestampTzPlusMilliseconds(worth_since, MOST_AGE_MS));
}

/* Without an empty one the current stays; emptying one brings us here again. */
static TimestampTz
switch_messages(void)
{
	int			current = pg_atomic_read_u32(&message_segments()->current);
	TimestampTz when = when_to_switch();
	int			next;

	if (when > GetCurrentTimestamp())
		return when;
	next = next_unused(old_messages, CEL_MESSAGE_SEGMENTS, current);
	if (next == 0)
		return NEVER;
	set_used(&old_messages[current]);
	pause_segment(&old_messages[current]);
	make_current(next);
	return NEVER;
}

/* Tasks that are about to run may do so where they are, instead of being moved. */
static bool
is_patient(const OldSegment *old)
{
	return GetCurrentTimestamp() < TimestampTzPlusMilliseconds(old->since, PATIENCE_MS);
}

/*
 * One step for a segment that is not current.  While it holds much, nothing
 * can be done before tasks end: to miss none, they are watched before the look.
 */
static void
clean_messages(int number)
{
	OldSegment *old = &old_messages[number];
	Oid			relid = CelExt.messages[number];
	SegmentLook look;
	bool		looked;
	bool		done = false;

	pg_atomic_write_u32(&message_segments()->watched, 1);
	looked = celeriac_segment_look(relid, STRAGGLERS + 1, &look);
	old->waits = looked && look.live > STRAGGLERS;
	if (!old->waits)
		pg_atomic_write_u32(&message_segments()->watched, 0);
	if (looked && look.live == 0)
		old->used = !(done = celeriac_segment_truncate(relid, &look));
	else if (looked && !old->waits && !is_patient(old))
		done = celeriac_segment_move_messages(relid);
	if (done)
		old->next = 0;
	else if (looked && look.live > 0 && is_patient(old))
		old->next = TimestampTzPlusMilliseconds(old->since, PATIENCE_MS);
	else
		pause_segment(old);
}

static TimestampTz
next_cleaning(int number)
{
	const OldSegment *old = &old_messages[number];

	if (!old->used || (old->waits && pg_atomic_read_u32(&message_segments()->watched) != 0))
		return NEVER;
	return old->next;
}

static void
clean_messages_if_due(int number)
{
	CelContext	context;

	while (next_cleaning(number) <= GetCurrentTimestamp())
	{
		begin(&context, "emptying a segment of messages");
		clean_messages(number);
		commit(&context);
	}
}

TimestampTz
celeriac_rotate_messages(void)
{
	static uint64 known_generation = 0;
	TimestampTz next;

	if (known_generation != CelExt.generation)
		discover_messages();
	known_generation = 0;		/* an error means that we know nothing */
	for (int i = 1; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		if (i != pg_atomic_read_u32(&message_segments()->current))
			clean_messages_if_due(i);
	}
	next = switch_messages();
	for (int i = 1; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		if (i != pg_atomic_read_u32(&message_segments()->current))
			next = Min(next, next_cleaning(i));
	}
	known_generation = CelExt.generation;
	return next;
}

/*
 * Results
 */
static TimestampTz opened_at[CEL_RESULT_SEGMENTS];
static TimestampTz closed_at[CEL_RESULT_SEGMENTS];	/* 0 = it is not */
static TimestampTz results_since;	/* the current segment holds some; 0 =
									 * none */

/* The rows of celeriac_segment. */
static void
read_segments(void)
{
	uint64		rows = celeriac_exec(STMT_SEGMENTS, NULL, NULL);

	memset(opened_at, 0, sizeof(opened_at));
	memset(closed_at, 0, sizeof(closed_at));
	for (uint64 i = 0; i < rows; i++)
	{
		Row			row = {SPI_tuptable->vals[i], SPI_tuptable->tupdesc};
		int			number = celeriac_row_int32(&row, Anum_segment_number, 0);

		if (number < 1 || number >= CEL_RESULT_SEGMENTS)
			continue;
		set_used(&old_results[number]);
		opened_at[number] = celeriac_row_int64(&row, Anum_segment_opened_at, 0);
		closed_at[number] = celeriac_row_int64(&row, Anum_segment_closed_at, 0);
	}
}

/* Durable before the segment is used, and before it is emptied. */
static void
note_segment(int number, TimestampTz opened, TimestampTz closed)
{
	Datum		values[] = {
		[PARAM_SEGMENT_NUMBER] = Int32GetDatum(number),
		[PARAM_SEGMENT_OPENED_AT] = TimestampTzGetDatum(opened),
		[PARAM_SEGMENT_CLOSED_AT] = TimestampTzGetDatum(closed)
	};
	char		nulls[SEGMENT_PARAMS + 1] = "   ";

	if (closed == 0)
		nulls[PARAM_SEGMENT_CLOSED_AT] = 'n';

	celeriac_exec(STMT_SEGMENT_NOTE, values, nulls);
}

/* The one that was current when the server stopped, or an unused one. */
static int
first_current(void)
{
	int			best = 0;

	for (int i = 1; i < CEL_RESULT_SEGMENTS; i++)
	{
		if (opened_at[i] != 0 && closed_at[i] == 0 &&
			(best == 0 || opened_at[i] > opened_at[best]))
			best = i;
	}
	return best != 0 ? best : next_unused(old_results, CEL_RESULT_SEGMENTS, 0);
}

static void
use_results(int number, TimestampTz since)
{
	old_results[number].used = false;
	closed_at[number] = 0;
	results_since = since;
	if (number != pg_atomic_read_u32(&result_segments()->current))
		celeriac_segment_switch(result_segments(), number);
}

static void
discover_results(void)
{
	CelContext	context;
	int			current = pg_atomic_read_u32(&result_segments()->current);
	bool		used;

	begin(&context, "looking at segments of results");
	find_used(old_results, CelExt.results, CEL_RESULT_SEGMENTS);
	read_segments();
	if (current == 0)
		current = first_current();
	used = old_results[current].used;
	if (current != 0 && opened_at[current] == 0)
		note_segment(current, opened_at[current] = GetCurrentTimestamp(), 0);
	commit(&context);
	use_results(current, used ? opened_at[current] : 0);
}

/* So often another segment becomes current: as many as there are, less one. */
static int
period_ms(void)
{
	return (int) Min((int64) celeriac_result_expires * 1000 / (CEL_RESULT_SEGMENTS - 2), INT_MAX);
}

static TimestampTz
expiry(int number)
{
	return closed_at[number] + (TimestampTz) celeriac_result_expires * USECS_PER_SEC;
}

static TimestampTz
switch_results(void)
{
	int			current = pg_atomic_read_u32(&result_segments()->current);
	int			next = next_unused(old_results, CEL_RESULT_SEGMENTS, current);
	TimestampTz now = GetCurrentTimestamp();
	CelContext	context;

	if (results_since == 0 && pg_atomic_read_u64(&result_segments()->added) > 0)
		results_since = now;
	if ((results_since == 0 && current != 0) || next == 0)
		return NEVER;
	if (now < TimestampTzPlusMilliseconds(results_since, period_ms()))
		return TimestampTzPlusMilliseconds(results_since, period_ms());
	begin(&context, "changing the segment of results");
	note_segment(next, opened_at[next] = now, 0);
	commit(&context);
	use_results(next, 0);
	set_used(&old_results[current]);
	return now;
}

/* Closed when nobody writes to it any more, and emptied when it has expired. */
static void
clean_results(int number)
{
	OldSegment *old = &old_results[number];
	TimestampTz now = GetCurrentTimestamp();
	bool		done;

	if (closed_at[number] == 0)
	{
		done = celeriac_segment_writers_gone(CelExt.results[number]);
		if (done)
			note_segment(number, opened_at[number] == 0 ? now : opened_at[number],
						 closed_at[number] = now);
	}
	else if (!old->moved)
		done = old->moved = celeriac_segment_move_results(number);
	else
	{
		Datum		value = Int32GetDatum(number);

		done = celeriac_segment_truncate_results(number);
		if (done)
			celeriac_exec(STMT_SEGMENT_FORGET, &value, NULL);
		old->used = !done;
	}
	if (done)
		old->pause = FIRST_PAUSE_MS;
	else
		pause_segment(old);
}

static TimestampTz
next_results(int number)
{
	const OldSegment *old = &old_results[number];

	if (!old->used)
		return NEVER;
	return closed_at[number] == 0 ? old->next : Max(old->next, expiry(number));
}

static void
clean_results_if_due(int number)
{
	CelContext	context;

	while (next_results(number) <= GetCurrentTimestamp())
	{
		begin(&context, "emptying a segment of results");
		clean_results(number);
		commit(&context);
	}
}

TimestampTz
celeriac_rotate_results(void)
{
	static uint64 known_generation = 0;
	CelSegments *segments = result_segments();
	TimestampTz next;

	if (known_generation != CelExt.generation)
		discover_results();
	known_generation = CelExt.generation;
	if (celeriac_result_expires == 0)
		return NEVER;
	known_generation = 0;		/* an error means that we know nothing */
	for (int i = 1; i < CEL_RESULT_SEGMENTS; i++)
	{
		if (i != pg_atomic_read_u32(&segments->current))
			clean_results_if_due(i);
	}
	next = switch_results();
	for (int i = 1; i < CEL_RESULT_SEGMENTS; i++)
	{
		if (i != pg_atomic_read_u32(&segments->current))
			next = Min(next, next_results(i));
	}
	known_generation = CelExt.generation;
	return next;
}
