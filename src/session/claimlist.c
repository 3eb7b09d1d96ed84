/*
 * claimlist.c
 *		What a transaction claimed: part of xact.c.
 */
#include "session/claimlist.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/wake.h"

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

XactList	celeriac_claimed_list = XACT_LIST(ClaimedItem);

/* Numbers in celeriac_claimed_list by id, as far as they were asked for. */
typedef struct ClaimedEntry
{
	pg_uuid_t	id;				/* hash key, must be first */
	int			number;
} ClaimedEntry;

static HTAB *claimed_numbers = NULL;
static int	claimed_numbered = 0;

/* Whatever ends the transaction needs the database's slot, and cannot ask for one. */
void
celeriac_xact_reserve_claim(void)
{
	(void) celeriac_my_database();
	celeriac_list_reserve(&celeriac_claimed_list);
}

int
celeriac_xact_claimed(const pg_uuid_t *id, bool transient, const char *queue,
					  int priority, int64 ready)
{
	ClaimedItem *item = celeriac_list_add(&celeriac_claimed_list);

	item->id = *id;
	item->transient = transient;
	item->given_back = false;
	item->priority = priority;
	item->ready = ready;
	strlcpy(item->queue, queue, sizeof(item->queue));
	return celeriac_claimed_list.count - 1;
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
	for (; claimed_numbered < celeriac_claimed_list.count; claimed_numbered++)
	{
		ClaimedItem *item = ITEM(celeriac_claimed_list, ClaimedItem, claimed_numbered);
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

	if (celeriac_claimed_list.count == 0)
		return NULL;
	if (is_claimed(ITEM(celeriac_claimed_list, ClaimedItem, celeriac_claimed_list.count - 1), id))
		return ITEM(celeriac_claimed_list, ClaimedItem, celeriac_claimed_list.count - 1);
	number_claimed();
	entry = hash_search(claimed_numbers, id, HASH_FIND, NULL);
	if (entry == NULL || entry->number >= celeriac_claimed_list.count ||
		!is_claimed(ITEM(celeriac_claimed_list, ClaimedItem, entry->number), id))
		return NULL;
	return ITEM(celeriac_claimed_list, ClaimedItem, entry->number);
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
	ClaimedItem *item = ITEM(celeriac_claimed_list, ClaimedItem, number);

	item->given_back = true;
	celeriac_claim_release_own(&item->id);
	if (item->ready != 0)
		celeriac_ready_push_back(item->queue, item->priority, item->ready);
}

/* A claim taken here is given up: it, and where it was, can be found again. */
bool
celeriac_claimlist_undo(SubTransactionId since)
{
	bool		unknown = false;

	for (int i = celeriac_claimed_list.count - 1; i >= 0; i--)
	{
		ClaimedItem *item = ITEM(celeriac_claimed_list, ClaimedItem, i);

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
	return unknown;
}

void
celeriac_claimlist_release(void)
{
	for (int i = 0; i < celeriac_claimed_list.count; i++)
	{
		ClaimedItem *item = ITEM(celeriac_claimed_list, ClaimedItem, i);

		if (item->transient && !item->given_back)
			celeriac_claim_release_own(&item->id);
	}
}

void
celeriac_claimlist_cut(void)
{
	claimed_numbered = Min(claimed_numbered, celeriac_claimed_list.count);
}

void
celeriac_claimlist_forget(void)
{
	claimed_numbered = 0;
	claimed_numbers = NULL;
}
