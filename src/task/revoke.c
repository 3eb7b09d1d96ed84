/*
 * revoke.c
 *		Revoking one task; task_revocation.
 *
 * Revoke takes part as a claimer: the holder of a claim decides.  A task
 * that nobody holds ends here and now.  One under a session claim is its
 * worker's to end: the claim is marked, and the worker told, by NOTIFY on its
 * own channel (rare, so its lock at commit does not matter), or an executor
 * by signal, once we have committed.  Anyone may NOTIFY, so a pool takes it as a
 * hint only, and asks what the claim says (task_revocation).  One under a lease
 * has a holder that cannot be reached; with terminate it ends here, and the
 * holder's outcome will be refused.
 */
#include "task/revoke.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/attempt.h"
#include "base/check.h"
#include "base/delivery.h"
#include "base/errors.h"
#include "base/relation.h"
#include "base/uuid.h"
#include "canvas/rootlock.h"
#include "finish/finish.h"
#include "rows/message.h"
#include "sdk/states.h"
#include "session/claimlist.h"
#include "session/exec.h"
#include "session/statement.h"
#include "session/xact.h"
#include "shmem/claim.h"
#include "shmem/shmem.h"
#include "task/result.h"
#include "task/tell.h"

PG_FUNCTION_INFO_V1(task_revocation);

#define SIGNAL_NAME(name) #name,
static const char *const signals[] = {
	CELERIAC_SIGNALS(SIGNAL_NAME)
};

const char *
celeriac_signal_name(const char *name)
{
	const char *bare = pg_strncasecmp(name, "SIG", 3) == 0 ? name + 3 : name;

	for (int i = 0; i < lengthof(signals); i++)
	{
		if (pg_strcasecmp(bare, signals[i]) == 0)
			return signals[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_CELERIAC_INVALID_ARGUMENT),
			 errmsg("\"%s\" is not the name of a signal", name),
			 errhint("One of TERM, KILL, INT, QUIT, HUP, ABRT, ALRM, USR1, USR2.")));
	return NULL;
}

bool
celeriac_revoke_held(const pg_uuid_t *id, bool terminate, const char *signal)
{
	Claim		claim;

	if (!celeriac_xact_revoke(id, terminate ? signal : NULL, &claim))
		return false;
	if (claim.kind == CLAIM_SESSION && !CelShmem->sessions[claim.session].executor)
		celeriac_tell_worker(CelShmem->workers[claim.worker].name, id, terminate, signal);
	return true;
}

static void
end_revoked(const pg_uuid_t *id, const char *reason)
{
	Outcome		outcome;

	celeriac_outcome_init(&outcome, id, OUTCOME_REVOKED, EXC_REVOKED, reason);
	celeriac_end_claimed(&outcome, 1, false);
}

static Datum
one_id(const pg_uuid_t *id)
{
	Datum		value = UUIDPGetDatum(id);

	return celeriac_uuid_array(&value, 1);
}

static char *
leased_state(SPITupleTable *row)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row->vals[0], row->tupdesc, Anum_message_leased_until, &isnull);

	if (isnull || DatumGetTimestampTz(value) <= GetCurrentTimestamp())
		return NULL;
	return TextDatumGetCString(SPI_getbinval(row->vals[0], row->tupdesc, Anum_message_state, &isnull));
}

/* This transaction holds the claim. */
static bool
revoke_claimed(const pg_uuid_t *id, bool terminate, const char *signal)
{
	Datum		param = one_id(id);
	Delivery	row;
	SPITupleTable *table;
	const char *state;
	bool		isnull;

	celeriac_rootlock_waiting(&id, 1);
	if (celeriac_exec(STMT_READ_ROW, &param, NULL) == 0)
		return false;
	table = SPI_tuptable;
	celeriac_read_delivery(table, 0, &row);
	celeriac_xact_claim_place(id, row.queue, row.priority, row.ready);
	state = leased_state(table);
	if (state == NULL || strcmp(state, "RECEIVED") == 0)
		end_revoked(id, REVOKED_PLAIN);
	else if (terminate)
	{
		Datum		worker = SPI_getbinval(table->vals[0], table->tupdesc, Anum_message_worker, &isnull);

		celeriac_tell_worker(TextDatumGetCString(worker), id, true, signal);
		end_revoked(id, REVOKED_TERMINATED);
	}
	else
		celeriac_exec(STMT_MARK_REVOKED, &param, NULL);
	return true;
}

static void
lock_row(void *id)
{
	Datum		param = one_id(id);

	celeriac_exec(STMT_READ_ROW, &param, NULL);
}

/*
 * Someone else decides on this task right now, in a transaction that has not
 * ended: wait for its row lock, then look again.  Our own lock is let go of at
 * once, by rolling it back: a transaction that took the claim but not yet the
 * lock would wait for us, and we for the claim, unseen by the server's check for
 * deadlocks.
 */
void
celeriac_wait_for_decider(const pg_uuid_t *id)
{
	celeriac_do_and_undo(lock_row, unconstify(pg_uuid_t *, id));
	CHECK_FOR_INTERRUPTS();
	pg_usleep(1000);
}

bool
celeriac_claim_to_revoke(const pg_uuid_t *id)
{
	ClaimTaken	taken;

	celeriac_xact_reserve_claim();
	taken = celeriac_claim_take(id, CLAIM_TRANSIENT, -1, 0, 0, NULL);
	if (taken == CLAIM_NO_ROOM)
		ereport(ERROR,
				(errcode(ERRCODE_CELERIAC_OUT_OF_SLOTS),
				 errmsg("celeriac has no room for another claim"),
				 errhint("Try again, or raise celeriac.max_claims and restart the server.")));
	if (taken == CLAIM_TAKEN)
		celeriac_xact_claimed(id, true, "", 0, 0);
	return taken == CLAIM_TAKEN;
}

void
celeriac_require_right_to_revoke(const pg_uuid_t *id, Oid role, TaskStatus *status)
{
	celeriac_task_status(id, role, status);
	if (!status->known)
		celeriac_unknown_task(id);
	if (!celeriac_may_change(role, status))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to revoke task %s", celeriac_uuid_text(id)),
				 errdetail("Another role sent it, and yours is not a member of celeriac_admin.")));
}

bool
celeriac_revoke_one(const pg_uuid_t *id, Oid role, bool terminate, const char *signal)
{
	for (;;)
	{
		TaskStatus	status;

		celeriac_require_right_to_revoke(id, role, &status);
		if (status.finished)
			return false;
		if (celeriac_revoke_held(id, terminate, signal))
			return true;
		if (celeriac_xact_holds(id) || celeriac_claim_to_revoke(id))
			return revoke_claimed(id, terminate, signal);
		celeriac_wait_for_decider(id);
	}
}

/*
 * task_revocation(worker, id): the signal to stop it by, '' to ask it only; NULL
 * if nobody has revoked it, or it is not that worker's.
 */
Datum
task_revocation(PG_FUNCTION_ARGS)
{
	const char *worker;
	Claim		claim;

	celeriac_require_not_null(fcinfo, 0, "worker");
	celeriac_require_not_null(fcinfo, 1, "id");
	celeriac_shmem_require();
	worker = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!celeriac_claim_get(PG_GETARG_UUID_P(1), &claim) ||
		claim.kind != CLAIM_SESSION || !claim.revoked || claim.worker < 0 ||
		strcmp(CelShmem->workers[claim.worker].name, worker) != 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(claim.signal));
}
