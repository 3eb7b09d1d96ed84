/*
 * waitlist.c
 *		Lists of sessions by what they wait for.
 *
 * With hundreds of sessions waiting, a commit must find those that wait for
 * its queue, or for its task, without looking at the others.  What is waited
 * for is a key, a hash; keys are spread over buckets, each with a lock and a
 * list in the order the waits began, so that the work goes round.
 *
 * A session has one entry for each key it waits for.  The process that wakes the
 * session takes the entry off the list, so that the next process does not meet it
 * again, and so any entry whose session was woken through another of its lists: a
 * session that goes on waiting sets its state first and then adds what is missing
 * (wake.c).
 *
 * The state of a session is changed to woken only under the lock of a bucket
 * its entry is in.  A session that ends its wait takes its entries off before
 * it begins another: so a session that is woken for a key does wait for that key.
 */
#include "shmem/waitlist.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "base/compat.h"
#include "shmem/shmem.h"

#define WAIT_BUCKETS	256
#define WAIT_LOCKS		"celeriac_wait"
#define NOBODY			(-1)

typedef struct WaitEntry
{
	uint64		key;			/* written by its session only */
	bool		linked;
	int			next;			/* numbers of entries, or NOBODY */
	int			previous;
} WaitEntry;

typedef struct WaitBucket
{
	int			first;
	int			last;
} WaitBucket;

static WaitBucket *buckets = NULL;
static WaitEntry *entries = NULL;	/* CEL_MAX_WAIT_QUEUES per session */
static LWLockPadded *bucket_locks = NULL;

static Size
buckets_size(void)
{
	return MAXALIGN(WAIT_BUCKETS * sizeof(WaitBucket));
}

static Size
waitlist_size(void)
{
	return add_size(buckets_size(), mul_size(mul_size(MaxBackends, CEL_MAX_WAIT_QUEUES),
											 sizeof(WaitEntry)));
}

Size
celeriac_waitlist_shmem_size(void)
{
	RequestNamedLWLockTranche(WAIT_LOCKS, WAIT_BUCKETS);
	return waitlist_size();
}

void
celeriac_waitlist_shmem_startup(void)
{
	bool		found;

	bucket_locks = GetNamedLWLockTranche(WAIT_LOCKS);
	buckets = ShmemInitStruct("celeriac waits", waitlist_size(), &found);
	entries = (WaitEntry *) ((char *) buckets + buckets_size());
	if (found)
		return;
	memset(buckets, 0, waitlist_size());
	for (int i = 0; i < WAIT_BUCKETS; i++)
		buckets[i].first = buckets[i].last = NOBODY;
}

static WaitEntry *
my_entry(int number)
{
	return &entries[CELERIAC_MY_SLOT * CEL_MAX_WAIT_QUEUES + number];
}

static int
bucket_of(uint64 key)
{
	return key % WAIT_BUCKETS;
}

static void
link_entry(WaitBucket *bucket, WaitEntry *entry)
{
	int			number = entry - entries;

	entry->linked = true;
	entry->next = NOBODY;
	entry->previous = bucket->last;
	if (bucket->last == NOBODY)
		bucket->first = number;
	else
		entries[bucket->last].next = number;
	bucket->last = number;
}

static void
unlink_entry(WaitBucket *bucket, WaitEntry *entry)
{
	entry->linked = false;
	if (entry->previous == NOBODY)
		bucket->first = entry->next;
	else
		entries[entry->previous].next = entry->next;
	if (entry->next == NOBODY)
		bucket->last = entry->previous;
	else
		entries[entry->next].previous = entry->previous;
}

void
celeriac_waitlist_add(int number, uint64 key)
{
	WaitEntry  *entry = my_entry(number);
	int			b = bucket_of(key);

	LWLockAcquire(&bucket_locks[b].lock, LW_EXCLUSIVE);
	if (!entry->linked)
	{
		entry->key = key;
		link_entry(&buckets[b], entry);
	}
	LWLockRelease(&bucket_locks[b].lock);
}

void
celeriac_waitlist_remove(int number)
{
	WaitEntry  *entry = my_entry(number);
	int			b = bucket_of(entry->key);

	LWLockAcquire(&bucket_locks[b].lock, LW_EXCLUSIVE);
	if (entry->linked)
		unlink_entry(&buckets[b], entry);
	LWLockRelease(&bucket_locks[b].lock);
}

uint64
celeriac_waitlist_key(int number)
{
	return my_entry(number)->key;
}

/* Under the bucket's lock; NULL = nobody there waits for the key any more. */
static CelSession *
wake_first(WaitBucket *bucket, uint64 key, CelWaitKind kind)
{
	int			next;

	for (int i = bucket->first; i != NOBODY; i = next)
	{
		WaitEntry  *entry = &entries[i];
		CelSession *session = &CelShmem->sessions[i / CEL_MAX_WAIT_QUEUES];
		uint32		expected = kind;

		next = entry->next;
		if (entry->key != key)
			continue;
		if (pg_atomic_compare_exchange_u32(&session->wait, &expected, CEL_WAIT_WOKEN))
		{
			unlink_entry(bucket, entry);
			return session;
		}
		if (expected == CEL_WAIT_WOKEN)
			unlink_entry(bucket, entry);
	}
	return NULL;
}

/*
 * Not even the lock is taken when nobody waits here: the caller has a barrier
 * between its commit and this look, a waiter one between its entry and its own.
 */
bool
celeriac_waitlist_wake(uint64 key, CelWaitKind kind, int *wants)
{
	int			b = bucket_of(key);
	volatile WaitBucket *bucket = &buckets[b];
	CelSession *session;
	Latch	   *latch = NULL;

	if (bucket->first == NOBODY)
		return false;
	LWLockAcquire(&bucket_locks[b].lock, LW_EXCLUSIVE);
	session = wake_first(&buckets[b], key, kind);
	if (session != NULL)
	{
		latch = session->latch;
		*wants = session->wait_max;
	}
	LWLockRelease(&bucket_locks[b].lock);
	if (latch != NULL)
		SetLatch(latch);
	return session != NULL;
}
