/*
 * fetch.c
 *		Claiming what is ready: the work of task_fetch.
 *
 * One round of a fetch, per queue and from the highest priority down:
 *	1. read the level's position and epoch (ready.c), then take a snapshot;
 *	2. scan the dispatch index from the position on (scan.c), and take the
 *	   claim of each candidate; one that somebody else holds is passed over;
 *	3. move the position behind what was seen;
 *	4. read the claimed rows again with a newer snapshot: one that was
 *	   finished between the snapshot and the claim is not there any more.
 * A lease then marks the rows; a session claim writes nothing.
 *
 * A session claim reads the very version again that the scan saw.  Where that
 * one is gone there may be a newer one (a request to stop was written, the row
 * was moved to another segment): a statement looks for it by id.
 *
 * If the transaction aborts, xact.c gives the claims back and pushes the
 * positions back, so nothing is lost to a fetch whose answer never arrived.
 */
#include "task/fetch.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "base/relation.h"
#include "base/row.h"
#include "finish/finish.h"
#include "rows/message.h"
#include "rows/scan.h"
#include "sdk/states.h"
#include "session/claimlist.h"
#include "session/definition.h"
#include "session/event.h"
#include "session/exec.h"
#include "session/statement.h"
#include "session/readylist.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/shmem.h"
#include "shmem/turn.h"
#include "shmem/wake.h"
#include "shmem/workers.h"
#include "task/candidate.h"

typedef struct FetchState
{
	const char *worker;
	int			worker_slot;
	double		lease;			/* seconds; < 0 = session claims */
	int			max;
	TimestampTz began;
	int			count;
	bool		no_room;		/* the table of claims is full: stop here */
	ReadyScan  *scan;
	DeliveryTexts texts;
	Delivery   *deliveries;
	Outcome    *expired;		/* those that expired before they began */
	int			nexpired;
} FetchState;

static bool
leased(const FetchState *fetch)
{
	return fetch->lease >= 0;
}

static int
read_priorities(const QueueRef *queue, int *priorities)
{
	Datum		value = CStringGetTextDatum(queue->name);
	int			count = Min(celeriac_exec(STMT_PRIORITIES, &value, NULL),
							CELERIAC_MAX_PRIORITY + 1);

	for (int i = 0; i < count; i++)
	{
		bool		isnull;

		priorities[i] = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i],
													SPI_tuptable->tupdesc, 1, &isnull));
	}
	return count;
}

/* When the table of queues is full they are found anew each time. */
static int
discover_levels(QueueRef *queue, ReadyLevel *levels)
{
	int			priorities[CELERIAC_MAX_PRIORITY + 1];
	uint64		forgets;
	bool		remembered = celeriac_ready_discover(queue, &forgets);
	int			count = read_priorities(queue, priorities);

	if (remembered)
		celeriac_ready_discovered(queue, forgets, priorities, count);
	for (int i = 0; i < count; i++)
		celeriac_ready_level(queue, priorities[i], &levels[i]);
	return count;
}

int
celeriac_fetch_levels(QueueRef *queue, ReadyLevel *levels)
{
	int			count;

	if (!celeriac_ready_levels(queue, levels, &count))
		count = discover_levels(queue, levels);
	return count;
}

static void
add_candidate(Candidates *found, const ReadyRow *row, bool transient)
{
	Candidate  *item = &found->items[found->count++];

	item->id = *row->id;
	item->place = row->place;
	item->claim = celeriac_xact_claimed(row->id, transient, found->queue,
										found->priority, row->ready);
	item->own = row->own;
	item->kept = false;
}

static ClaimTaken
take(const FetchState *fetch, const ReadyRow *row)
{
	ClaimTaken	taken;

	do
		taken = celeriac_claim_take(row->id, leased(fetch) ? CLAIM_TRANSIENT : CLAIM_SESSION,
									fetch->worker_slot, leased(fetch) ? 0 : row->deliveries + 1,
									row->ready, &row->place);
	while (taken == CLAIM_NO_ROOM && !celeriac_claim_full());
	return taken;
}

/* Take what the scan finds.  Returns the number up to which it has seen all. */
static int64
claim_rows(FetchState *fetch, Candidates *found, int64 position, int wanted)
{
	ReadyRow	row;

	while (found->count < wanted && celeriac_scan_next(fetch->scan, &row))
	{
		ClaimTaken	taken;

		celeriac_xact_reserve_claim();
		taken = take(fetch, &row);
		fetch->no_room = (taken == CLAIM_NO_ROOM);
		if (fetch->no_room)
			break;
		position = row.ready;
		if (taken == CLAIM_TAKEN)
			add_candidate(found, &row, leased(fetch));
	}
	return position;
}

/* Scan until enough is claimed or the level has no more. */
static void
scan_level(FetchState *fetch, const QueueRef *queue, ReadyLevel *level,
		   Candidates *found)
{
	int64		seen;

	celeriac_scan_start(fetch->scan, queue->name, level->priority, level->position);
	seen = claim_rows(fetch, found, level->position, fetch->max - fetch->count);
	if (seen > level->position)
		celeriac_ready_advance(level, seen, leased(fetch));
}

/* The fetch before this one has moved the position. */
static void
scan_in_turn(FetchState *fetch, const QueueRef *queue, ReadyLevel *level, Candidates *found)
{
	celeriac_turn_begin(queue, level->priority);
	celeriac_ready_look_again(level);
	scan_level(fetch, queue, level, found);
	celeriac_turn_end(queue, level->priority);
}

static bool
is_expired(const Delivery *d)
{
	return d->expires != 0 && d->expires <= GetCurrentTimestamp();
}

/*
 * acks_late => false: durable before it starts.  A lease has done so already.
 */
static void
mark_early(FetchState *fetch, int first)
{
	Datum	   *ids = palloc((fetch->count - first + 1) * sizeof(Datum));
	int			count = 0;

	for (int i = first; i < fetch->count; i++)
	{
		if (celeriac_acks_early(&fetch->deliveries[i]))
			ids[count++] = UUIDPGetDatum(&fetch->deliveries[i].id);
	}
	if (count > 0)
	{
		Datum		values[] = {celeriac_uuid_array(ids, count), CStringGetTextDatum(fetch->worker)};

		celeriac_exec(STMT_FETCH_MARK, values, NULL);
	}
	pfree(ids);
}

/* It is still there, and this session's or transaction's. */
static void
keep(FetchState *fetch, Candidate *candidate, const Row *row)
{
	Delivery   *d = &fetch->deliveries[fetch->count];

	candidate->kept = true;
	celeriac_row_delivery(row, &fetch->texts, d);
	if (candidate->own)
		celeriac_xact_taken(d->queue, d->priority, d->ready);
	if (!leased(fetch))
		d->delivery++;
	if (is_expired(d))
		celeriac_outcome_init(&fetch->expired[fetch->nexpired++], &d->id, OUTCOME_REVOKED,
							  EXC_REVOKED, REVOKED_EXPIRED);
	else
	{
		celeriac_delivery_define(d);
		fetch->count++;
	}
}

/* The very versions that the scan saw, as long as they are valid. */
static void
keep_unchanged(FetchState *fetch, Candidates *found)
{
	celeriac_scan_look_again(fetch->scan);
	for (int i = 0; i < found->count; i++)
	{
		Row			row;

		if (celeriac_scan_read(fetch->scan, &found->items[i].place, &row))
			keep(fetch, &found->items[i], &row);
	}
}

/* Claimed rows by their ids, newer than the claims; a lease marks them. */
static uint64
read_claimed(FetchState *fetch, Candidate **list, int count)
{
	Datum	   *ids = palloc(count * sizeof(Datum));
	Datum		values[3];

	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&list[i]->id);
	values[0] = celeriac_uuid_array(ids, count);
	if (!leased(fetch))
		return celeriac_exec(STMT_FETCH_READ, values, NULL);
	values[1] = CStringGetTextDatum(fetch->worker);
	values[2] = TimestampTzGetDatum(celeriac_time_after(fetch->lease));
	return celeriac_exec(STMT_FETCH_LEASE, values, NULL);
}

/*
 * The others, as they are now.  What is not there any more was finished, or is
 * locked by someone who bypasses us: those claims are given back.
 */
static void
keep_by_id(FetchState *fetch, Candidates *found)
{
	Candidate **list = palloc(found->count * sizeof(Candidate *));
	int			count = celeriac_candidates_missing(found, list);
	uint64		rows = count == 0 ? 0 : read_claimed(fetch, list, count);
	SPITupleTable *table = SPI_tuptable;

	for (uint64 i = 0; i < rows; i++)
	{
		/* users may have added columns */
		Datum		values[MaxHeapAttributeNumber];
		bool		nulls[MaxHeapAttributeNumber];
		Row			row = {.values = values, .nulls = nulls};
		Candidate  *item;

		heap_deform_tuple(table->vals[i], table->tupdesc, values, nulls);
		item = celeriac_find_candidate(list, count, celeriac_row_uuid(&row, Anum_message_id));
		if (!leased(fetch))
			celeriac_claim_set_delivery(&item->id, 1 +
										celeriac_row_int32(&row, Anum_message_deliveries, 0));
		keep(fetch, item, &row);
	}
	for (int i = 0; i < count; i++)
	{
		if (!list[i]->kept)
			celeriac_xact_unclaim(list[i]->claim);
	}
	pfree(list);
}

static void
fetch_level(FetchState *fetch, const QueueRef *queue, ReadyLevel *level)
{
	int			wanted = fetch->max - fetch->count;
	int			first = fetch->count;
	Candidates	found = {
		.queue = queue->name,
		.priority = level->priority,
		.items = palloc_extended(wanted * sizeof(Candidate), MCXT_ALLOC_HUGE)
	};

	if (wanted >= TURN_MIN)
		scan_in_turn(fetch, queue, level, &found);
	else
		scan_level(fetch, queue, level, &found);
	if (found.count > 0)
	{
		fetch->expired = palloc_extended(found.count * sizeof(Outcome), MCXT_ALLOC_HUGE);
		fetch->nexpired = 0;
		if (!leased(fetch))
			keep_unchanged(fetch, &found);
		keep_by_id(fetch, &found);
		if (fetch->nexpired > 0)
			celeriac_end_claimed(fetch->expired, fetch->nexpired, !leased(fetch));
		if (!leased(fetch))
			mark_early(fetch, first);
		pfree(fetch->expired);
	}
	pfree(found.items);
}

static void
fetch_queue(FetchState *fetch, QueueRef *queue)
{
	ReadyLevel	levels[CELERIAC_MAX_PRIORITY + 1];
	int			count;

	if (celeriac_queue(queue->name)->paused)
		return;
	count = celeriac_fetch_levels(queue, levels);
	for (int i = 0; i < count && fetch->count < fetch->max && !fetch->no_room; i++)
		fetch_level(fetch, queue, &levels[i]);
}

static void
count_fetched(FetchState *fetch)
{
	if (fetch->worker_slot >= 0)
		pg_atomic_fetch_add_u64(&CelShmem->workers[fetch->worker_slot].fetched,
								fetch->count);
}

static void
end_fetch_of_many(FetchState *fetch, const QueueRef *queues, int nqueues)
{
	TurnYield	yield = fetch->count == fetch->max ? TURN_ALL :
		fetch->no_room ? TURN_NO_ROOM : TURN_LESS;

	celeriac_turn_effort(fetch->began);
	for (int i = 0; i < nqueues; i++)
		celeriac_turn_fetched(&queues[i], yield);
}

/* Each call begins with another queue, so that none is starved. */
int
celeriac_fetch(const char *worker, QueueRef *queues, int nqueues, int max,
			   double lease, Delivery **deliveries)
{
	static uint32 turn = 0;
	FetchState	fetch = {
		.worker = worker,
		.worker_slot = celeriac_worker_slot(worker),
		.lease = lease,
		.max = max,
		.began = GetCurrentTimestamp(),
		.deliveries = palloc_extended(max * sizeof(Delivery), MCXT_ALLOC_HUGE)
	};

	*deliveries = fetch.deliveries;
	if (!celeriac_dispatch_allowed())
		return 0;
	AcceptInvalidationMessages();	/* a pause since this transaction began */
	turn++;
	fetch.scan = celeriac_scan_open();
	for (int i = 0; i < nqueues && fetch.count < max && !fetch.no_room; i++)
		fetch_queue(&fetch, &queues[(turn + i) % nqueues]);
	celeriac_scan_close(fetch.scan);
	count_fetched(&fetch);
	if (max >= TURN_MIN)
		end_fetch_of_many(&fetch, queues, nqueues);
	celeriac_announce_received(worker, fetch.deliveries, leased(&fetch) ? 0 : fetch.count);

	/* there may be more than one waiter can take: pass the wake-up on */
	if (fetch.count == max)
	{
		for (int i = 0; i < nqueues; i++)
			celeriac_wake_fetch(queues[i].hash, 1);
	}
	return fetch.count;
}
