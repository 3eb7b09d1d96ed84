/*
 * readylist.c
 *		What a transaction made ready: part of xact.c.
 *
 * There is one item for each queue and priority, and for each subtransaction that
 * has not ended, however many tasks were sent.
 */
#include "session/readylist.h"

#include "access/xact.h"

#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/wake.h"

typedef struct ReadyItem
{
	SubTransactionId subid;
	int			older;			/* the next one in its bucket, or NONE */
	int			bucket;
	int			priority;
	bool		changed;		/* the queue has, and no message is new */
	int64		ready;			/* the lowest */
	int64		count;
	int64		steps;			/* of these, that waited for others before */
	int64		taken;			/* of these, claimed by this transaction */
	char		queue[CELERIAC_QUEUE_LEN];
} ReadyItem;

#define NONE	(-1)

/*
 * Items by queue and priority, the latest first; so the last of the
 * list is the first of its bucket.
 */
#define READY_BUCKETS	128

static int	ready_buckets[READY_BUCKETS];

XactList	celeriac_ready_list = XACT_LIST(ReadyItem);

static int
ready_bucket(const char *queue, int priority)
{
	return (celeriac_queue_hash(queue) + priority) % READY_BUCKETS;
}

static ReadyItem *
find_ready(SubTransactionId subid, const char *queue, int priority, bool changed)
{
	if (celeriac_ready_list.count == 0)
		return NULL;
	for (int i = ready_buckets[ready_bucket(queue, priority)]; i != NONE;)
	{
		ReadyItem  *item = ITEM(celeriac_ready_list, ReadyItem, i);

		if (item->subid == subid && item->priority == priority &&
			item->changed == changed && strcmp(item->queue, queue) == 0)
			return item;
		i = item->older;
	}
	return NULL;
}

static void
link_ready(int number)
{
	ReadyItem  *item = ITEM(celeriac_ready_list, ReadyItem, number);

	item->older = ready_buckets[item->bucket];
	ready_buckets[item->bucket] = number;
}

/* From the end, down to so many. */
static void
unlink_ready(int count)
{
	for (int i = celeriac_ready_list.count - 1; i >= count; i--)
	{
		ReadyItem  *item = ITEM(celeriac_ready_list, ReadyItem, i);

		ready_buckets[item->bucket] = item->older;
	}
	celeriac_ready_list.count = count;
}

static ReadyItem *
add_ready(const char *queue, int priority, bool changed)
{
	ReadyItem  *item;

	if (celeriac_ready_list.count == 0)
		memset(ready_buckets, NONE, sizeof(ready_buckets));
	item = celeriac_list_add(&celeriac_ready_list);
	item->bucket = ready_bucket(queue, priority);
	item->priority = priority;
	item->changed = changed;
	item->ready = PG_INT64_MAX;
	item->count = item->steps = item->taken = 0;
	strlcpy(item->queue, queue, sizeof(item->queue));
	link_ready(celeriac_ready_list.count - 1);
	return item;
}

/* Of the running subtransaction. */
static ReadyItem *
need_ready(const char *queue, int priority, bool changed)
{
	ReadyItem  *item = find_ready(GetCurrentSubTransactionId(), queue, priority, changed);

	return item != NULL ? item : add_ready(queue, priority, changed);
}

void
celeriac_xact_ready(const char *queue, int priority, int64 ready, bool step)
{
	ReadyItem  *item = need_ready(queue, priority, false);

	item->ready = Min(item->ready, ready);
	item->count++;
	item->steps += step;
}

void
celeriac_xact_queue_changed(const char *queue)
{
	need_ready(queue, 0, true)->count++;
}

/* Many subtransactions, one after another, do not leave a longer list by that. */
void
celeriac_readylist_hand_up(SubTransactionId subid, SubTransactionId parent)
{
	int			count = celeriac_ready_list.count;
	int			first = celeriac_list_before(&celeriac_ready_list, subid);

	unlink_ready(first);
	for (int i = first; i < count; i++)
	{
		ReadyItem	item = *ITEM(celeriac_ready_list, ReadyItem, i);
		ReadyItem  *same = find_ready(parent, item.queue, item.priority,
									  item.changed);

		if (same == NULL)
		{
			item.subid = parent;
			*ITEM(celeriac_ready_list, ReadyItem, celeriac_ready_list.count) = item;
			link_ready(celeriac_ready_list.count++);
			continue;
		}
		same->ready = Min(same->ready, item.ready);
		same->count += item.count;
		same->steps += item.steps;
		same->taken += item.taken;
	}
}

/*
 * A task that this transaction made ready, and now claims itself: nobody else
 * need be woken for it.  What a subtransaction takes that may still abort stays
 * as it was.
 */
void
celeriac_xact_taken(const char *queue, int priority, int64 ready)
{
	ReadyItem  *item = find_ready(GetCurrentSubTransactionId(), queue, priority, false);

	if (item != NULL && item->taken < item->count && item->ready <= ready)
		item->taken++;
}

void
celeriac_readylist_undo(SubTransactionId subid)
{
	unlink_ready(celeriac_list_before(&celeriac_ready_list, subid));
}

bool
celeriac_readylist_next_steps(void)
{
	bool		next = false;

	for (int i = 0; i < celeriac_ready_list.count; i++)
	{
		ReadyItem  *item = ITEM(celeriac_ready_list, ReadyItem, i);

		if (item->steps < item->count)
			return false;
		next |= item->taken < item->count;
	}
	return next;
}

void
celeriac_readylist_publish(void)
{
	for (int i = 0; i < celeriac_ready_list.count; i++)
	{
		ReadyItem  *item = ITEM(celeriac_ready_list, ReadyItem, i);

		if (item->changed)
			pg_atomic_fetch_add_u32(&celeriac_my_database()->queue_changes, 1);
		else
			celeriac_ready_push_back(item->queue,
									 item->priority, item->ready);
	}
	for (int i = 0; i < celeriac_ready_list.count; i++)
	{
		ReadyItem  *item = ITEM(celeriac_ready_list, ReadyItem, i);

		celeriac_wake_fetch(celeriac_queue_hash(item->queue),
							item->count - item->taken);
	}
}
