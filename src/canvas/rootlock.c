/*
 * rootlock.c
 *		The lock under which a canvas is changed as a whole.
 *
 * Two that end the last two members of a group must not miss each other, and
 * nobody may find a canvas half failed or half revoked.  So a transaction that
 * counts down a group, fails or revokes what waits, or adds to a canvas, holds the
 * lock of its root until it ends.  It is a lock of the server's, so that
 * deadlocks are found and the end of the transaction lets go of it; it writes
 * nothing.  The step from a task to the next needs none: the target has one
 * source only, whose row the transaction has.
 *
 * Order, so that nobody waits in a circle:
 *	1. rows of tasks that do not wait for others, in the order of their ids;
 *	2. these locks, in the order of their tags;
 *	3. rows of tasks that wait, in the order of their ids.
 * The revoke of a whole canvas takes the lock first, and then waits for no row.
 *
 * A batch may end tasks of more canvases than there is room for in the server's
 * lock table.  Then it takes the one lock that everybody else shares.
 */
#include "canvas/rootlock.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "base/check.h"
#include "session/exec.h"
#include "session/statement.h"

#define MAX_ROOTS	128

/* of advisory locks: users' own have 1 and 2 there */
#define TAG_ALL		7
#define TAG_ROOT	8

/* the transaction that took one last, by its start */
static TimestampTz locked_in = 0;
static bool no_wait = false;

static int
compare_keys(const void *a, const void *b)
{
	uint64		first = *(const uint64 *) a;
	uint64		second = *(const uint64 *) b;

	return first < second ? -1 : first > second;
}

static void
lock(uint64 key, uint16 kind, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (key >> 32), (uint32) key, kind);
	if (LockAcquire(&tag, mode, false, no_wait) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("somebody else changes the canvas")));
}

static int
distinct_keys(const pg_uuid_t *const *roots, int count, uint64 *keys)
{
	int			distinct = 0;

	for (int i = 0; i < count; i++)
		keys[i] = hash_bytes_extended(roots[i]->data, UUID_LEN, 0);
	qsort(keys, count, sizeof(uint64), compare_keys);
	for (int i = 0; i < count; i++)
	{
		if (distinct == 0 || keys[i] != keys[distinct - 1])
			keys[distinct++] = keys[i];
	}
	return distinct;
}

void
celeriac_rootlock(const pg_uuid_t *const *roots, int count)
{
	uint64	   *keys;
	int			distinct;

	if (count == 0)
		return;
	locked_in = GetCurrentTransactionStartTimestamp();
	keys = palloc_extended(count * sizeof(uint64), MCXT_ALLOC_HUGE);
	distinct = distinct_keys(roots, count, keys);
	lock(0, TAG_ALL, distinct > MAX_ROOTS ? ExclusiveLock : ShareLock);
	for (int i = 0; distinct <= MAX_ROOTS && i < distinct; i++)
		lock(keys[i], TAG_ROOT, ExclusiveLock);
	pfree(keys);
}

bool
celeriac_rootlock_held(void)
{
	return locked_in == GetCurrentTransactionStartTimestamp();
}

void
celeriac_rootlock_nowait(bool nowait)
{
	no_wait = nowait;
}

void
celeriac_rootlock_waiting(const pg_uuid_t *const *ids, int count)
{
	Datum	   *datums = palloc_extended((count + 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	const pg_uuid_t **roots;
	Datum		param;
	uint64		rows;

	for (int i = 0; i < count; i++)
		datums[i] = UUIDPGetDatum(ids[i]);
	param = celeriac_uuid_array(datums, count);
	rows = celeriac_exec(STMT_WAITING_ROOTS, &param, NULL);
	roots = palloc_extended((rows + 1) * sizeof(pg_uuid_t *), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < rows; i++)
	{
		bool		isnull;

		roots[i] = DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
											   1, &isnull));
	}
	celeriac_rootlock(roots, rows);
}
