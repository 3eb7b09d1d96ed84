/*
 * claim.c
 *		Who holds a message: the table of claims in shared memory.
 *
 * A claim is the right to decide a message's fate.  Whoever fetches, revokes,
 * requeues or expires one takes its claim first, and then reads the row again
 * with a newer snapshot: a row still there after the claim was taken cannot
 * be finished by anyone else, because every earlier holder gave the claim
 * back only after its commit had become visible.
 *
 * Transient claims end with the transaction that took them (xact.c).  Session
 * claims end when they are finished, or when the session ends: its exit hook
 * makes them lost, and the coordinator requeues lost ones durably before it
 * gives them back.  Nothing is written to claim a task.
 *
 * The table is split in partitions, each with its own lock; a claim is looked
 * at only under its partition's lock.  Callers may be in a commit or abort
 * callback: nothing here raises an error or allocates.
 */
#include "shmem/claim.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/hsearch.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/relation.h"
#include "base/row.h"
#include "shmem/database.h"
#include "shmem/shmem.h"

#define CLAIM_PARTITIONS	32
#define CLAIM_LOCKS			"celeriac_claim"

/*
 * The session claims of one session, so that its end need not look at all
 * others.  Locked within the lock of a partition, that of the claim which comes
 * or goes; its neighbours may be of other partitions.
 */
typedef struct HeldClaims
{
	slock_t		mutex;
	Claim	   *first;
} HeldClaims;

static HTAB *claims = NULL;
static LWLockPadded *claim_locks = NULL;
static HeldClaims *held = NULL; /* one per session */

typedef struct ClaimSlot
{
	ClaimKey	key;
	uint32		hash;
	LWLock	   *lock;
} ClaimSlot;

Size
celeriac_claim_shmem_size(void)
{
	RequestNamedLWLockTranche(CLAIM_LOCKS, CLAIM_PARTITIONS);
	return add_size(hash_estimate_size(celeriac_max_claims, sizeof(Claim)),
					mul_size(MaxBackends, sizeof(HeldClaims)));
}

static void
init_held(void)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		SpinLockInit(&held[i].mutex);
		held[i].first = NULL;
	}
}

void
celeriac_claim_shmem_startup(void)
{
	HASHCTL		info = {
		.keysize = sizeof(ClaimKey),
		.entrysize = sizeof(Claim),
		.num_partitions = CLAIM_PARTITIONS
	};
	bool		found;

	claim_locks = GetNamedLWLockTranche(CLAIM_LOCKS);
	claims = ShmemInitHash("celeriac claims", celeriac_max_claims,
						   celeriac_max_claims, &info,
						   HASH_ELEM | HASH_BLOBS | HASH_PARTITION | HASH_FIXED_SIZE);
	held = ShmemInitStruct("celeriac held claims", MaxBackends * sizeof(HeldClaims), &found);
	if (!found)
		init_held();
}

static ClaimSlot
claim_lock(const pg_uuid_t *id, LWLockMode mode)
{
	ClaimSlot	slot;

	memset(&slot.key, 0, sizeof(slot.key));
	slot.key.dboid = MyDatabaseId;
	slot.key.id = *id;
	slot.hash = get_hash_value(claims, &slot.key);
	slot.lock = &claim_locks[slot.hash % CLAIM_PARTITIONS].lock;
	LWLockAcquire(slot.lock, mode);
	return slot;
}

static Claim *
claim_find(ClaimSlot *slot, HASHACTION action, bool *found)
{
	return hash_search_with_hash_value(claims, &slot->key, slot->hash, action,
									   found);
}

static void
hold(Claim *claim)
{
	HeldClaims *list = &held[claim->session];

	SpinLockAcquire(&list->mutex);
	claim->previous = NULL;
	claim->next = list->first;
	if (list->first != NULL)
		list->first->previous = claim;
	list->first = claim;
	SpinLockRelease(&list->mutex);
}

static void
let_go(Claim *claim)
{
	HeldClaims *list = &held[claim->session];

	SpinLockAcquire(&list->mutex);
	if (claim->previous != NULL)
		claim->previous->next = claim->next;
	else
		list->first = claim->next;
	if (claim->next != NULL)
		claim->next->previous = claim->previous;
	SpinLockRelease(&list->mutex);
}

static void
count_worker(int worker, int change)
{
	if (worker >= 0)
		pg_atomic_fetch_add_u32(&CelShmem->workers[worker].nclaims, change);
}

/* Held by a session or lost: these count for session and worker. */
static void
claim_set_kind(Claim *claim, ClaimKind kind, int session, int worker)
{
	if (claim->kind == CLAIM_SESSION)
	{
		let_go(claim);
		pg_atomic_fetch_sub_u32(&CelShmem->sessions[claim->session].nclaims, 1);
	}
	if (claim->kind == CLAIM_LOST)
		pg_atomic_fetch_sub_u32(&CelShmem->nlost, 1);
	count_worker(claim->worker, -1);
	claim->kind = kind;
	claim->session = session;
	claim->worker = worker;
	if (kind == CLAIM_LOST)
		pg_atomic_fetch_add_u32(&CelShmem->nlost, 1);
	if (kind == CLAIM_SESSION)
	{
		hold(claim);
		pg_atomic_fetch_add_u32(&CelShmem->sessions[session].nclaims, 1);
	}
	count_worker(worker, 1);
}

/* Unique as long as a process id and its count do not meet again. */
static uint64
next_serial(void)
{
	static uint32 count = 0;

	return ((uint64) MyProcPid << 32) | ++count;
}

ClaimTaken
celeriac_claim_take(const pg_uuid_t *id, ClaimKind kind, int worker,
					int delivery, int64 ready, const RowPlace *place)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	bool		found;
	Claim	   *claim = claim_find(&slot, HASH_ENTER_NULL, &found);
	ClaimTaken	taken = claim == NULL ? CLAIM_NO_ROOM :
		found ? CLAIM_REFUSED : CLAIM_TAKEN;

	if (taken == CLAIM_TAKEN)
	{
		memset((char *) claim + sizeof(ClaimKey), 0,
			   sizeof(Claim) - sizeof(ClaimKey));
		claim->kind = CLAIM_TRANSIENT;
		claim->worker = -1;
		claim->delivery = delivery;
		claim->ready = ready;
		claim->serial = next_serial();
		claim->place = place != NULL ? *place : celeriac_nowhere;
		claim_set_kind(claim, kind, CELERIAC_MY_SLOT, worker);
	}
	else if (taken == CLAIM_REFUSED)
		claim->passed = Max(claim->passed, ready);
	LWLockRelease(slot.lock);
	if (taken == CLAIM_NO_ROOM)
		pg_atomic_write_u32(&CelShmem->claims_full, 1);
	return taken;
}

bool
celeriac_claim_was_full(void)
{
	return pg_atomic_read_u32(&CelShmem->claims_full) != 0 &&
		pg_atomic_exchange_u32(&CelShmem->claims_full, 0) != 0;
}

/*
 * A session that waits for room says so before it looks: either it sees that
 * there is room, or the session that makes room sees that others wait.
 */
bool
celeriac_claim_full(void)
{
	if (hash_get_num_entries(claims) < celeriac_max_claims)
		return false;
	pg_atomic_write_u32(&CelShmem->claims_full, 1);
	pg_memory_barrier();
	return hash_get_num_entries(claims) >= celeriac_max_claims;
}

/* A copy of the claim on this message; false when nobody holds it. */
bool
celeriac_claim_get(const pg_uuid_t *id, Claim *copy)
{
	ClaimSlot	slot = claim_lock(id, LW_SHARED);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);

	if (claim != NULL)
		*copy = *claim;
	LWLockRelease(slot.lock);
	return claim != NULL;
}

/*
 * The message may have been given to somebody else since the caller last saw
 * its claim: then there is nothing to release.  True when the message got a new
 * number, and a fetch met it there, while this claim was still on it.
 */
bool
celeriac_claim_release(const pg_uuid_t *id, uint64 serial)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);
	bool		passed = false;

	if (claim != NULL && claim->serial == serial)
	{
		passed = claim->passed > claim->ready;
		claim_set_kind(claim, CLAIM_TRANSIENT, -1, -1);
		claim_find(&slot, HASH_REMOVE, NULL);
	}
	LWLockRelease(slot.lock);
	return passed;
}

void
celeriac_claim_release_own(const pg_uuid_t *id)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);

	if (claim != NULL && claim->kind != CLAIM_LOST &&
		claim->session == CELERIAC_MY_SLOT)
	{
		claim_set_kind(claim, CLAIM_TRANSIENT, -1, -1);
		claim_find(&slot, HASH_REMOVE, NULL);
	}
	LWLockRelease(slot.lock);
}

/*
 * The transaction that took the claim failed, and whatever was begun under it
 * was rolled back: so the claim is not lost either, if the session is about to
 * end and has said so.  A session that revoked the task in the meantime was told
 * that the holder would see to it: leave that to the coordinator.
 */
void
celeriac_claim_undo(const pg_uuid_t *id)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);
	bool		ours = (claim != NULL && claim->session == CELERIAC_MY_SLOT);
	bool		revoked = (ours && claim->kind != CLAIM_TRANSIENT && claim->revoked);

	if (revoked)
		claim_set_kind(claim, CLAIM_LOST, CELERIAC_MY_SLOT, claim->worker);
	else if (ours)
	{
		claim_set_kind(claim, CLAIM_TRANSIENT, -1, -1);
		claim_find(&slot, HASH_REMOVE, NULL);
	}
	LWLockRelease(slot.lock);
	if (revoked)
		celeriac_wake_coordinator(celeriac_my_database());
}

/*
 * Release a claim of this session on a task that was not begun.  False when it
 * is not ours, or was asked to stop: then somebody waits for us to end it.
 */
bool
celeriac_claim_give_back(const pg_uuid_t *id)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);
	bool		ours = (claim != NULL && claim->kind == CLAIM_SESSION &&
						claim->session == CELERIAC_MY_SLOT && !claim->revoked);

	if (ours)
	{
		claim_set_kind(claim, CLAIM_TRANSIENT, -1, -1);
		claim_find(&slot, HASH_REMOVE, NULL);
	}
	LWLockRelease(slot.lock);
	return ours;
}

/* The fencing number is known only once the row has been read again. */
void
celeriac_claim_set_delivery(const pg_uuid_t *id, int delivery)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);

	if (claim != NULL)
		claim->delivery = delivery;
	LWLockRelease(slot.lock);
}

/* The worker has begun it; false when the claim is not that worker's. */
bool
celeriac_claim_started(const pg_uuid_t *id, int worker, TimestampTz started_at)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);
	bool		mine = (claim != NULL && claim->kind == CLAIM_SESSION &&
						claim->worker == worker);

	if (mine)
	{
		claim->started = true;
		claim->started_at = started_at;
	}
	LWLockRelease(slot.lock);
	return mine;
}

/*
 * Ask the holder to stop; false when no claim outlives its transaction.  The copy
 * names the holder, and tells how the claim was marked before.
 */
bool
celeriac_claim_revoke(const pg_uuid_t *id, const char *signal, Claim *before)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);
	bool		held = (claim != NULL && claim->kind != CLAIM_TRANSIENT);

	if (held)
	{
		*before = *claim;
		claim->revoked++;
		if (signal != NULL)
			strlcpy(claim->signal, signal, sizeof(claim->signal));
	}
	LWLockRelease(slot.lock);
	return held;
}

/* This session's revoke was rolled back; others may have asked as well. */
void
celeriac_claim_unrevoke(const pg_uuid_t *id, uint64 serial, const char *signal)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);

	if (claim != NULL && claim->serial == serial && claim->revoked > 0)
	{
		claim->revoked--;
		strlcpy(claim->signal, claim->revoked > 0 ? signal : "", sizeof(claim->signal));
	}
	LWLockRelease(slot.lock);
}

/* The first of those that the session holds; false = there is none. */
static bool
first_held(int session, pg_uuid_t *id)
{
	HeldClaims *list = &held[session];
	bool		found;

	SpinLockAcquire(&list->mutex);
	found = list->first != NULL;
	if (found)
		*id = list->first->key.id;
	SpinLockRelease(&list->mutex);
	return found;
}

static void
lose(const pg_uuid_t *id, int session, bool hard_limit)
{
	ClaimSlot	slot = claim_lock(id, LW_EXCLUSIVE);
	Claim	   *claim = claim_find(&slot, HASH_FIND, NULL);

	if (claim != NULL && claim->kind == CLAIM_SESSION && claim->session == session)
	{
		claim->hard_limit = hard_limit;
		claim_set_kind(claim, CLAIM_LOST, session, claim->worker);
	}
	LWLockRelease(slot.lock);
}

/*
 * Nobody adds to what the session holds: it is this one, and it ends.  Each step
 * takes the first from its list, unless somebody else just did.
 */
void
celeriac_claim_lose_session(int session, bool hard_limit,
							const pg_uuid_t *limited)
{
	pg_uuid_t	id;

	while (first_held(session, &id))
		lose(&id, session, hard_limit && limited != NULL &&
			 memcmp(&id, limited, UUID_LEN) == 0);
	celeriac_wake_coordinator(celeriac_my_database());
}

/*
 * Walking a partitioned table takes all its locks, in order; only for the
 * rare: a dropped database, a look at everything that runs.
 */
static void
claim_lock_all(LWLockMode mode)
{
	for (int i = 0; i < CLAIM_PARTITIONS; i++)
		LWLockAcquire(&claim_locks[i].lock, mode);
}

static void
claim_unlock_all(void)
{
	for (int i = CLAIM_PARTITIONS - 1; i >= 0; i--)
		LWLockRelease(&claim_locks[i].lock);
}

/* The database has been dropped: no claim on its tasks means anything. */
void
celeriac_claim_forget(Oid dboid)
{
	HASH_SEQ_STATUS scan;
	Claim	   *claim;

	claim_lock_all(LW_EXCLUSIVE);
	hash_seq_init(&scan, claims);
	while ((claim = hash_seq_search(&scan)) != NULL)
	{
		if (claim->key.dboid != dboid)
			continue;
		claim_set_kind(claim, CLAIM_TRANSIENT, -1, -1);
		hash_search(claims, &claim->key, HASH_REMOVE, NULL);
	}
	claim_unlock_all();
}

Claim *
celeriac_claim_list(ClaimKind kind, int *count)
{
	long		room = Max(hash_get_num_entries(claims), 16);
	Claim	   *list = palloc_extended(room * sizeof(Claim), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS scan;
	Claim	   *claim;

	*count = 0;
	claim_lock_all(LW_SHARED);
	hash_seq_init(&scan, claims);
	while ((claim = hash_seq_search(&scan)) != NULL)
	{
		if (claim->key.dboid == MyDatabaseId && claim->kind == kind &&
			*count < room)
			list[(*count)++] = *claim;
	}
	claim_unlock_all();
	return list;
}
