/*
 * xact.c
 *		What a transaction did that must be told, or undone, at its end.
 *
 * The lists grow while the transaction runs.  Each entry carries the
 * subtransaction that made it; when one aborts, entries of it and of its
 * children (their ids are not lower) are undone and dropped.
 *
 * After commit, when the changes are visible to all:
 *	1. executors are signalled whose tasks were revoked,
 *	2. claims of what was finished are given back,
 *	3. positions are pushed back to what became ready,
 *	4. waiters are woken, and the coordinator if something is due earlier.
 * Nothing is allocated and nothing can fail there.  A server that crashes
 * between the commit and this callback loses all shared memory, and builds it
 * again from the tables.
 */
#include "session/xact.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "session/notify.h"
#include "session/readylist.h"
#include "session/xactlist.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/segment.h"
#include "shmem/session.h"
#include "shmem/shmem.h"
#include "shmem/wake.h"

typedef struct IdItem
{
	SubTransactionId subid;
	pg_uuid_t	id;
} IdItem;

typedef struct ReleaseItem
{
	SubTransactionId subid;
	pg_uuid_t	id;
	uint64		serial;
} ReleaseItem;

typedef struct ClaimedItem
{
	SubTransactionId subid;
	bool		transient;
	bool		given_back;		/* already released: not ours any more */
	int			priority;
	int64		ready;			/* 0 = was not ready: no position to mend */
	pg_uuid_t	id;
	char		queue[CELERIAC_QUEUE_LEN];
} ClaimedItem;

/* a claim whose holder was asked to stop */
typedef struct RevokedItem
{
	SubTransactionId subid;
	int			executor;		/* slot of the session to signal, -1 = none */
	pg_uuid_t	id;
	uint64		serial;
	char		signal[CELERIAC_SIGNAL_LEN];	/* as it was before */
} RevokedItem;

typedef struct DueItem
{
	SubTransactionId subid;
	TimestampTz when;
} DueItem;

typedef struct EventItem
{
	SubTransactionId subid;
	char	   *json;
} EventItem;

typedef struct FlagItem
{
	SubTransactionId subid;
	bool		on;
} FlagItem;

typedef struct WorkerItem
{
	SubTransactionId subid;
	int			worker;			/* slot */
	bool		registered;
} WorkerItem;

static XactList done_list = XACT_LIST(IdItem);
static XactList claimed_list = XACT_LIST(ClaimedItem);
static XactList release_list = XACT_LIST(ReleaseItem);
static XactList revoked_list = XACT_LIST(RevokedItem);
static XactList due_list = XACT_LIST(DueItem);
static XactList event_list = XACT_LIST(EventItem);
static XactList listen_list = XACT_LIST(FlagItem);
static XactList recheck_list = XACT_LIST(FlagItem);
static XactList worker_list = XACT_LIST(WorkerItem);

/* Numbers in claimed_list by id, as far as they were asked for. */
typedef struct ClaimedEntry
{
	pg_uuid_t	id;				/* hash key, must be first */
	int			number;
} ClaimedEntry;

static HTAB *claimed_numbers = NULL;
static int	claimed_numbered = 0;

static XactList *const all_lists[] = {
	&celeriac_ready_list, &done_list, &claimed_list, &release_list, &revoked_list,
	&due_list, &event_list, &listen_list, &recheck_list, &worker_list
};

static void xact_callback(XactEvent event, void *arg);
static void subxact_callback(SubXactEvent event, SubTransactionId subid,
							 SubTransactionId parent, void *arg);

void
celeriac_xact_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}

/* Nothing but next steps is ready, and nothing is to be ready later. */
bool
celeriac_xact_next_steps(void)
{
	return celeriac_readylist_next_steps() && due_list.count == 0;
}

void
celeriac_xact_due(TimestampTz when)
{
	DueItem    *last = due_list.count == 0 ? NULL :
		ITEM(due_list, DueItem, due_list.count - 1);

	if (last != NULL && last->subid == GetCurrentSubTransactionId())
		last->when = Min(last->when, when);
	else
		((DueItem *) celeriac_list_add(&due_list))->when = when;
}

void
celeriac_xact_done(const pg_uuid_t *id)
{
	((IdItem *) celeriac_list_add(&done_list))->id = *id;
}

/* Whatever ends the transaction needs the database's slot, and cannot ask for one. */
void
celeriac_xact_reserve_claim(void)
{
	(void) celeriac_my_database();
	celeriac_list_reserve(&claimed_list);
}

int
celeriac_xact_claimed(const pg_uuid_t *id, bool transient, const char *queue,
					  int priority, int64 ready)
{
	ClaimedItem *item = celeriac_list_add(&claimed_list);

	item->id = *id;
	item->transient = transient;
	item->given_back = false;
	item->priority = priority;
	item->ready = ready;
	strlcpy(item->queue, queue, sizeof(item->queue));
	return claimed_list.count - 1;
}

/* Those claimed since the last time; of several for one id the last counts. */
static void
number_claimed(void)
{
	HASHCTL		info = {
		.keysize = UUID_LEN,
		.entrysize = sizeof(ClaimedEntry),
		.hcxt = TopTransactionContext
	};

	if (claimed_numbers == NULL)
		claimed_numbers = hash_create("celeriac claimed", 256, &info,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (; claimed_numbered < claimed_list.count; claimed_numbered++)
	{
		ClaimedItem *item = ITEM(claimed_list, ClaimedItem, claimed_numbered);
		ClaimedEntry *entry = hash_search(claimed_numbers, &item->id, HASH_ENTER, NULL);

		entry->number = claimed_numbered;
	}
}

static bool
is_claimed(const ClaimedItem *item, const pg_uuid_t *id)
{
	return !item->given_back && memcmp(&item->id, id, UUID_LEN) == 0;
}

/*
 * Mostly the last.  The numbers may be of a subtransaction that has aborted since:
 * then another item is there, or none.
 */
static ClaimedItem *
find_claimed(const pg_uuid_t *id)
{
	ClaimedEntry *entry;

	if (claimed_list.count == 0)
		return NULL;
	if (is_claimed(ITEM(claimed_list, ClaimedItem, claimed_list.count - 1), id))
		return ITEM(claimed_list, ClaimedItem, claimed_list.count - 1);
	number_claimed();
	entry = hash_search(claimed_numbers, id, HASH_FIND, NULL);
	if (entry == NULL || entry->number >= claimed_list.count ||
		!is_claimed(ITEM(claimed_list, ClaimedItem, entry->number), id))
		return NULL;
	return ITEM(claimed_list, ClaimedItem, entry->number);
}

/* The list is only searched for what a fetch of this session claimed. */
bool
celeriac_xact_holds(const pg_uuid_t *id)
{
	Claim		claim;

	if (!celeriac_claim_get(id, &claim) || claim.session != CELERIAC_MY_SLOT)
		return false;
	return claim.kind == CLAIM_TRANSIENT || find_claimed(id) != NULL;
}

void
celeriac_xact_claim_place(const pg_uuid_t *id, const char *queue, int priority,
						  int64 ready)
{
	ClaimedItem *item = find_claimed(id);

	if (item == NULL)
		return;
	item->priority = priority;
	item->ready = ready;
	strlcpy(item->queue, queue, sizeof(item->queue));
}

/*
 * Give back a claim at once: what it was taken for turned out not to be.  The
 * message may still be there (its row was locked, by a purge that is rolled
 * back, say), and the position has passed it.
 */
void
celeriac_xact_unclaim(int number)
{
	ClaimedItem *item = ITEM(claimed_list, ClaimedItem, number);

	item->given_back = true;
	celeriac_claim_release_own(&item->id);
	if (item->ready != 0)
		celeriac_ready_push_back(item->queue, item->priority, item->ready);
}

void
celeriac_xact_release(const pg_uuid_t *id, uint64 serial)
{
	ReleaseItem *item = celeriac_list_add(&release_list);

	item->id = *id;
	item->serial = serial;
}

/* At once: if the holder tries again before the commit, he must know. */
bool
celeriac_xact_revoke(const pg_uuid_t *id, const char *signal, Claim *claim)
{
	RevokedItem *item;

	celeriac_list_reserve(&revoked_list);
	if (!celeriac_claim_revoke(id, signal, claim))
		return false;
	item = celeriac_list_add(&revoked_list);
	item->executor = signal != NULL && claim->kind == CLAIM_SESSION &&
		CelShmem->sessions[claim->session].executor ? claim->session : -1;
	item->id = *id;
	item->serial = claim->serial;
	memcpy(item->signal, claim->signal, sizeof(item->signal));
	return true;
}

void
celeriac_xact_event(const char *json)
{
	EventItem  *item = celeriac_list_add(&event_list);

	item->json = MemoryContextStrdup(TopTransactionContext, json);
}

void
celeriac_xact_listen(bool listen)
{
	((FlagItem *) celeriac_list_add(&listen_list))->on = listen;
}

void
celeriac_xact_registered(int worker, bool registered)
{
	WorkerItem *item = celeriac_list_add(&worker_list);

	item->worker = worker;
	item->registered = registered;
}

void
celeriac_xact_recheck_database(void)
{
	((FlagItem *) celeriac_list_add(&recheck_list))->on = true;
}

/* Some task of this database is ready, and may be behind a position. */
static void
look_everywhere(void)
{
	celeriac_ready_forget(MyDatabaseId);
	celeriac_wake_all(MyDatabaseId);
}

/* Before claims are: one that was revoked is not just given up. */
static void
undo_revoked(SubTransactionId since)
{
	for (int i = revoked_list.count - 1; i >= 0; i--)
	{
		RevokedItem *item = ITEM(revoked_list, RevokedItem, i);

		if (item->subid < since)
			break;
		celeriac_claim_unrevoke(&item->id, item->serial, item->signal);
	}
}

static void
cancel_executors(void)
{
	for (int i = 0; i < revoked_list.count; i++)
	{
		RevokedItem *item = ITEM(revoked_list, RevokedItem, i);

		if (item->executor >= 0)
			celeriac_cancel_executor(item->executor, &item->id);
	}
}

/* A claim taken here is given up: it, and where it was, can be found again. */
static void
undo_claims(SubTransactionId since)
{
	bool		unknown = false;

	for (int i = claimed_list.count - 1; i >= 0; i--)
	{
		ClaimedItem *item = ITEM(claimed_list, ClaimedItem, i);

		if (item->subid < since)
			break;
		if (item->given_back)
			continue;
		celeriac_claim_undo(&item->id);
		if (item->ready != 0)
		{
			celeriac_ready_push_back(item->queue,
									 item->priority, item->ready);
			celeriac_wake_fetch(celeriac_queue_hash(item->queue), 1);
		}
		else
			unknown = true;
	}

	/*
	 * claimed by its id, and given up before its row was read: it may be
	 * ready
	 */
	if (unknown)
		look_everywhere();
	if (claimed_list.count > 0)
		celeriac_wake_for_room();
}

/*
 * Between the commit and here a task that is to be retried may have become due
 * again, and a fetch have passed over it, because of its old claim.
 */
static void
release_claims(void)
{
	bool		passed = false;

	for (int i = 0; i < release_list.count; i++)
	{
		ReleaseItem *item = ITEM(release_list, ReleaseItem, i);

		passed |= celeriac_claim_release(&item->id, item->serial);
	}
	if (passed)
		look_everywhere();
	for (int i = 0; i < claimed_list.count; i++)
	{
		ClaimedItem *item = ITEM(claimed_list, ClaimedItem, i);

		if (item->transient && !item->given_back)
			celeriac_claim_release_own(&item->id);
	}
	if (release_list.count + claimed_list.count > 0)
		celeriac_wake_for_room();
}

static void
publish_due(void)
{
	CelDatabase *db = celeriac_my_database();
	TimestampTz due = NEVER;

	for (int i = 0; i < due_list.count; i++)
		due = Min(due, ITEM(due_list, DueItem, i)->when);
	if ((uint64) due < pg_atomic_read_u64(&db->service.due))
		celeriac_wake_coordinator(db);
}

/* IdItem is wider than an id: squeeze the ids together, in place. */
static void
publish_done(void)
{
	pg_uuid_t  *ids = (pg_uuid_t *) done_list.items;

	for (int i = 0; i < done_list.count; i++)
		memmove(&ids[i], &ITEM(done_list, IdItem, i)->id, sizeof(pg_uuid_t));
	celeriac_wake_get(ids, done_list.count);
	celeriac_segment_changed(&celeriac_my_database()->messages);
}

static void
publish_listening(void)
{
	CelSession *session = celeriac_my_session();
	bool		on = ITEM(listen_list, FlagItem, listen_list.count - 1)->on;

	if (on != session->listening)
		pg_atomic_fetch_add_u32(&celeriac_my_database()->events.listeners, on ? 1 : -1);
	session->listening = on;
}

static void
publish_workers(void)
{
	for (int i = 0; i < worker_list.count; i++)
	{
		WorkerItem *item = ITEM(worker_list, WorkerItem, i);

		CelShmem->workers[item->worker].registered = item->registered;
	}
}

static void
publish_recheck(void)
{
	CelDatabase *db = celeriac_my_database();

	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	db->service.want = CEL_DB_PROBE;
	LWLockRelease(CelShmem->lock);
	celeriac_wake_coordinator(db);
	celeriac_wake_launcher();
}

/* The lists' memory goes with TopTransactionContext. */
static void
forget_all(void)
{
	for (int i = 0; i < lengthof(all_lists); i++)
	{
		all_lists[i]->items = NULL;
		all_lists[i]->count = 0;
		all_lists[i]->room = 0;
	}
	claimed_numbers = NULL;
	claimed_numbered = 0;
}

static void
send_events(void)
{
	char	  **events;

	if (event_list.count == 0)
		return;
	events = MemoryContextAllocHuge(CurrentMemoryContext,
									event_list.count * sizeof(char *));
	for (int i = 0; i < event_list.count; i++)
		events[i] = ITEM(event_list, EventItem, i)->json;
	celeriac_event_send(events, event_list.count);
}

/* Slots are reserved while an error can still be raised. */
static void
before_commit(void)
{
	if (due_list.count > 0 || celeriac_ready_list.count > 0 || done_list.count > 0 ||
		recheck_list.count > 0)
		(void) celeriac_my_database();
	if (listen_list.count > 0)
		(void) celeriac_my_session();
	send_events();
}

static void
after_commit(void)
{
	cancel_executors();
	release_claims();
	if (celeriac_ready_list.count > 0)
		celeriac_readylist_publish();
	if (due_list.count > 0)
		publish_due();
	if (done_list.count > 0)
		publish_done();
	if (listen_list.count > 0)
		publish_listening();
	publish_workers();
	if (recheck_list.count > 0)
		publish_recheck();
	forget_all();
}

static void
after_abort(void)
{
	undo_revoked(InvalidSubTransactionId);
	undo_claims(InvalidSubTransactionId);
	forget_all();
	celeriac_wait_abort();
}

/*
 * A prepared transaction outlives this session, so it must not hold claims.
 * What it makes ready is found when COMMIT PREPARED forgets all positions
 * (hooks.c).
 */
static void
before_prepare(void)
{
	if (claimed_list.count > 0 || release_list.count > 0 || revoked_list.count > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that has fetched, finished or revoked tasks")));
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_commit();
			break;
		case XACT_EVENT_COMMIT:
			after_commit();
			break;
		case XACT_EVENT_ABORT:
			after_abort();
			break;
		case XACT_EVENT_PRE_PREPARE:
			before_prepare();
			break;
		case XACT_EVENT_PREPARE:
			forget_all();
			break;
		default:
			break;
	}
}

static void
after_subabort(SubTransactionId subid)
{
	celeriac_wait_abort();
	undo_revoked(subid);
	undo_claims(subid);
	celeriac_readylist_undo(subid);
	for (int i = 0; i < lengthof(all_lists); i++)
		all_lists[i]->count = celeriac_list_before(all_lists[i], subid);
	claimed_numbered = Min(claimed_numbered, claimed_list.count);
}

static void
subxact_callback(SubXactEvent event, SubTransactionId subid,
				 SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		celeriac_readylist_hand_up(subid, parent);
	else if (event == SUBXACT_EVENT_ABORT_SUB)
		after_subabort(subid);
}
