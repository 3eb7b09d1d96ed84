/*
 * database.c
 *		Slots of databases.
 */
#include "shmem/database.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "base/errors.h"
#include "base/guc.h"
#include "shmem/shmem.h"

static CelDatabase *my_database = NULL;

CelDatabase *
celeriac_find_database(Oid dboid)
{
	for (int i = 0; i < celeriac_max_databases; i++)
	{
		if (CelShmem->databases[i].dboid == dboid)
			return &CelShmem->databases[i];
	}
	return NULL;
}

static void
init_segments(CelSegments *segments)
{
	pg_atomic_init_u32(&segments->current, 0);
	pg_atomic_init_u64(&segments->added, 0);
	pg_atomic_init_u32(&segments->watched, 0);
}

static void
init_database(CelDatabase *db, Oid dboid)
{
	memset(db, 0, sizeof(*db));
	pg_atomic_init_u32(&db->queue_changes, 0);
	pg_atomic_init_u32(&db->events.listeners, 0);
	pg_atomic_init_u32(&db->waiters.fetch, 0);
	pg_atomic_init_u32(&db->waiters.get, 0);
	pg_atomic_init_u32(&db->service.asked, 1);
	pg_atomic_init_u64(&db->waiters.served, 0);
	pg_atomic_init_u64(&db->service.due, (uint64) NEVER);
	pg_atomic_init_u64(&db->stale_outcomes, 0);
	init_segments(&db->messages);
	init_segments(&db->results);
	pg_atomic_init_u64(&db->gate, 0);
	db->service.want = CEL_DB_PROBE;
	db->recovery.attaching = true;
	db->dboid = dboid;
}

static CelDatabase *
claim_database(Oid dboid)
{
	CelDatabase *db;

	celeriac_shmem_require();
	LWLockAcquire(CelShmem->lock, LW_EXCLUSIVE);
	db = celeriac_find_database(dboid);
	if (db == NULL)
	{
		db = celeriac_find_database(InvalidOid);
		if (db != NULL)
			init_database(db, dboid);
	}
	LWLockRelease(CelShmem->lock);
	if (db == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another database"),
				 errhint("Raise celeriac.max_databases and restart the server.")));
	return db;
}

CelDatabase *
celeriac_my_database(void)
{
	if (my_database == NULL)
		my_database = claim_database(MyDatabaseId);
	return my_database;
}

/*
 * Should no coordinator ever come to end the wait, time does.  Not on a standby:
 * commits that are replayed push no position back, so nothing may be remembered
 * of what is ready there.
 */
bool
celeriac_dispatch_allowed(void)
{
	CelDatabase *db = celeriac_my_database();

	if (RecoveryInProgress())
		return false;
	return !db->recovery.attaching ||
		TimestampDifferenceExceeds(CelShmem->started_at, GetCurrentTimestamp(),
								   2 * celeriac_attach_grace + 1000);
}

void
celeriac_wake_launcher(void)
{
	Latch	   *latch = CelShmem->launcher;

	if (latch != NULL)
		SetLatch(latch);
}

void
celeriac_ask_for_executor(CelDatabase *db)
{
	Latch	   *latch = db->service.coordinator;

	if (latch != NULL)
		SetLatch(latch);
}

void
celeriac_wake_coordinator(CelDatabase *db)
{
	pg_atomic_write_u32(&db->service.asked, 1);
	celeriac_ask_for_executor(db);
}
