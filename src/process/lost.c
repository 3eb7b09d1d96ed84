/*
 * lost.c
 *		Tasks whose worker is gone: leases that are over, lost claims.
 */
#include "process/lost.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/check.h"
#include "base/delivery.h"
#include "finish/finish.h"
#include "process/found.h"
#include "sdk/states.h"
#include "session/exec.h"
#include "session/statement.h"
#include "session/xact.h"
#include "shmem/claim.h"
#include "shmem/database.h"
#include "shmem/ready.h"
#include "shmem/shmem.h"

/*
 * Leases that are over: the holder is presumed dead.  They are found along
 * the dispatch index, up to the highest order that was ever leased.
 */
static bool
end_leases_found(uint64 rows)
{
	Outcome    *outcomes = palloc((rows + 1) * sizeof(Outcome));
	int			count = celeriac_claim_found(rows, OUTCOME_LOST, NULL, NULL, outcomes);

	if (count > 0)
		celeriac_end_lost(outcomes, count);
	pfree(outcomes);
	return count > 0;
}

static TimestampTz
end_leases_of(const ClaimedLevel *level)
{
	Datum		values[] = {
		[PARAM_LEASES_QUEUE] = CStringGetTextDatum(level->queue),
		[PARAM_LEASES_PRIORITY] = Int16GetDatum(level->priority),
		[PARAM_LEASES_HIGHEST] = Int64GetDatum(level->highest),
		[PARAM_LEASES_MAX] = Int64GetDatum(BATCH)
	};
	uint64		rows = celeriac_exec(STMT_LEASES_OVER, values, NULL);
	bool		ended = end_leases_found(rows);
	bool		isnull;
	Datum		next;

	if (rows == BATCH)
		return ended ? GetCurrentTimestamp() : celeriac_next_try(0);
	celeriac_exec(STMT_NEXT_LEASE, values, NULL);
	next = celeriac_first_datum(&isnull);
	return isnull ? NEVER : celeriac_next_try(DatumGetTimestampTz(next));
}

/* Where levels are not remembered, for the table of them is full. */
static TimestampTz
end_unwatched_leases(void)
{
	static TimestampTz next = 0;
	Datum		limit = Int64GetDatum(BATCH);

	if (GetCurrentTimestamp() < next)
		return next;
	(void) end_leases_found(celeriac_exec(STMT_UNWATCHED_OVER, &limit, NULL));
	return next = celeriac_time_after_ms(SCAN_MS);
}

TimestampTz
celeriac_end_leases(void)
{
	int			count;
	ClaimedLevel *levels = celeriac_ready_claimed_levels(&count);
	TimestampTz next = NEVER;

	for (int i = 0; i < count; i++)
		next = Min(next, end_leases_of(&levels[i]));
	if (celeriac_my_database()->unwatched)
		next = Min(next, end_unwatched_leases());
	return next;
}

/*
 * Claims whose session ended.  They are given back only when what became of
 * their tasks has committed.
 */
static void
split_lost(const Claim *claims, int count, Outcome *lost, int *nlost,
		   Outcome *limited, int *nlimited)
{
	*nlost = *nlimited = 0;
	for (int i = 0; i < count; i++)
	{
		const Claim *claim = &claims[i];
		Outcome    *o;

		if (claim->hard_limit)
		{
			o = &limited[(*nlimited)++];
			celeriac_outcome_init(o, &claim->key.id, OUTCOME_FAILURE, EXC_TIME_LIMIT,
								  "the task was stopped at its hard time limit");
		}
		else
		{
			o = &lost[(*nlost)++];
			celeriac_outcome_init(o, &claim->key.id, OUTCOME_LOST, NULL, NULL);
			o->not_begun = !claim->started;
		}
		o->delivery = claim->delivery;
		o->started_at = claim->started_at;
	}
}

/* Is the message, of this delivery, still there to be dealt with? */
static bool
delivery_exists(const Outcome *outcome)
{
	Datum		id = UUIDPGetDatum(&outcome->id);
	Datum		delivery = Int32GetDatum(outcome->delivery);
	Datum		values[] = {
		celeriac_uuid_array(&id, 1),
		PointerGetDatum(construct_array(&delivery, 1, INT4OID, sizeof(int32), true,
										TYPALIGN_INT))
	};

	return celeriac_exec(STMT_ATTACHABLE, values, NULL) > 0;
}

/* Or wait for others still, and is to end as soon as nobody has it locked? */
static bool
is_to_be_revoked(const Claim *claim)
{
	Datum		id = UUIDPGetDatum(&claim->key.id);
	Datum		param = celeriac_uuid_array(&id, 1);

	return claim->revoked && celeriac_exec(STMT_WAITING_ROOTS, &param, NULL) > 0;
}

/*
 * A claim whose message is locked stays lost; false = there are such.  A claim
 * whose message has ended, or was sent again under its id, is void.
 */
static bool
release_ended(const Claim *claims, int count, const Outcome *lost)
{
	bool		all = true;

	for (int i = 0; i < count; i++)
	{
		const Claim *claim = &claims[i];
		const Outcome *o = claim->hard_limit ? NULL : lost++;

		if (o == NULL || o->accepted ||
			(!delivery_exists(o) && !is_to_be_revoked(claim)))
			celeriac_xact_release(&claim->key.id, claim->serial);
		else
			all = false;
	}
	return all;
}

TimestampTz
celeriac_end_lost_claims(void)
{
	int			count;
	int			nlost;
	int			nlimited;
	Claim	   *claims;
	Outcome    *lost;
	Outcome    *limited;

	if (pg_atomic_read_u32(&CelShmem->nlost) == 0)
		return NEVER;
	claims = celeriac_claim_list(CLAIM_LOST, &count);
	lost = palloc((count + 1) * sizeof(Outcome));
	limited = palloc((count + 1) * sizeof(Outcome));
	split_lost(claims, count, lost, &nlost, limited, &nlimited);
	if (nlost > 0)
		celeriac_end_lost(lost, nlost);
	if (nlimited > 0)
		celeriac_end_claimed(limited, nlimited, false);
	return release_ended(claims, count, lost) ? NEVER : celeriac_next_try(0);
}

/*
 * Tasks with acks_late => false that had begun before the server's restart, and
 * that no worker has attached to since: they run at most once, so they end.
 */
TimestampTz
celeriac_end_unacked(void)
{
	CelDatabase *db = celeriac_my_database();
	uint64		rows;
	Outcome    *outcomes;
	int			count;

	if (db->recovery.attaching || db->recovery.ended)
		return NEVER;
	rows = celeriac_exec(STMT_UNACKED, NULL, NULL);
	outcomes = palloc((rows + 1) * sizeof(Outcome));
	count = celeriac_claim_found(rows, OUTCOME_LOST, NULL, NULL, outcomes);
	if (count > 0)
		celeriac_end_lost(outcomes, count);
	db->recovery.ended = true;
	return NEVER;
}
