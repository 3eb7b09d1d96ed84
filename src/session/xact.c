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
#include "utils/memutils.h"

#include "session/claimlist.h"
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
static XactList release_list = XACT_LIST(ReleaseItem);
static XactList revoked_list = XACT_LIST(RevokedItem);
static XactList due_list = XACT_LIST(DueItem);
static XactList event_list = XACT_LIST(EventItem);
static XactList listen_list = XACT_LIST(FlagItem);
static XactList recheck_list = XACT_LIST(FlagItem);
static XactList worker_list = XACT_LIST(WorkerItem);

static XactList *const all_lists[] = {
	&celeriac_ready_list, &done_list, &celeriac_claimed_list, &release_list, &revoked_list,
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

void
celeriac_xact_release(const pg_uuid_t *id, uint64 serial)
{
	ReleaseItem *item = celeriac_list_add(&release_list);

	item->id = *id;
	item->serial = serial;
}

/* At once, and not at the commit: a holder that tries again before must know. */
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

/* Of claims that were given up before their row was read, any may be ready. */
static void
undo_claims(SubTransactionId since)
{
	if (celeriac_claimlist_undo(since))
		look_everywhere();
	if (celeriac_claimed_list.count > 0)
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
	celeriac_claimlist_release();
	if (release_list.count + celeriac_claimed_list.count > 0)
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
	celeriac_claimlist_forget();
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
	if (celeriac_claimed_list.count > 0 || release_list.count > 0 || revoked_list.count > 0)
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
	celeriac_claimlist_cut();
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
