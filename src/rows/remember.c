/*
 * remember.c
 *		What this session fetched, for those who end a task by its id alone.
 */
#include "rows/remember.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/delivery.h"

/*
 * What this session fetched by lease.  The one-task forms of finish take no
 * worker and no delivery number, so the fence is what the session was given
 * last.  A fetch that is rolled back leaves an entry that no claim will ever
 * match.  Session claims name their session themselves.
 */
typedef struct Remembered
{
	pg_uuid_t	id;				/* hash key */
	int			delivery;
	char		worker[CELERIAC_NAME_LEN];
} Remembered;

static HTAB *remembered = NULL;

/* more than a client that finishes one by one can have in hand */
#define MAX_REMEMBERED	10000

static void
create_remembered(void)
{
	HASHCTL		info = {
		.keysize = UUID_LEN,
		.entrysize = sizeof(Remembered),
		.hcxt = TopMemoryContext
	};

	remembered = hash_create("celeriac deliveries", 64, &info,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
celeriac_remember_delivery(const char *worker, const Delivery *d)
{
	Remembered *entry;

	if (remembered != NULL && hash_get_num_entries(remembered) >= MAX_REMEMBERED)
	{
		hash_destroy(remembered);
		remembered = NULL;
	}
	if (remembered == NULL)
		create_remembered();
	entry = hash_search(remembered, &d->id, HASH_ENTER, NULL);
	entry->delivery = d->delivery;
	strlcpy(entry->worker, worker, sizeof(entry->worker));
}

bool
celeriac_recall_delivery(const pg_uuid_t *id, const char **worker, int *delivery)
{
	Remembered *entry = remembered == NULL ? NULL :
		hash_search(remembered, id, HASH_FIND, NULL);

	if (entry == NULL)
		return false;
	*worker = entry->worker;
	*delivery = entry->delivery;
	return true;
}

void
celeriac_forget_delivery(const pg_uuid_t *id)
{
	if (remembered != NULL)
		hash_search(remembered, id, HASH_REMOVE, NULL);
}

/*
 * The ids that this session got by session claims, the latest.  A claim names its
 * session itself; but a claim that is held no more may be another session's now.
 */
static pg_uuid_t *claimed = NULL;
static uint32 nclaimed = 0;

void
celeriac_remember_claimed(const pg_uuid_t *id)
{
	if (claimed == NULL)
		claimed = MemoryContextAlloc(TopMemoryContext, MAX_REMEMBERED * UUID_LEN);
	claimed[nclaimed++ % MAX_REMEMBERED] = *id;
}

bool
celeriac_was_claimed(const pg_uuid_t *id)
{
	for (uint32 i = 0; i < Min(nclaimed, MAX_REMEMBERED); i++)
	{
		if (memcmp(&claimed[i], id, UUID_LEN) == 0)
			return true;
	}
	return false;
}
