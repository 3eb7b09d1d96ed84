/*
 * claim.h
 *		Who holds a message: the table of claims in shared memory.
 */
#ifndef CELERIAC_SHMEM_CLAIM_H
#define CELERIAC_SHMEM_CLAIM_H

#include "base/names.h"

#include "base/relation.h"

typedef enum ClaimKind
{
	CLAIM_TRANSIENT,			/* until the end of a transaction */
	CLAIM_SESSION,				/* until its session ends or finishes it */
	CLAIM_LOST					/* its session ended; the coordinator's now */
} ClaimKind;

#define CELERIAC_SIGNAL_LEN 8

typedef struct ClaimKey
{
	Oid			dboid;
	pg_uuid_t	id;
} ClaimKey;

typedef struct Claim
{
	ClaimKey	key;			/* hash key, must be first */
	ClaimKind	kind;
	bool		started;
	int			revoked;		/* how many asked it to stop */
	char		signal[CELERIAC_SIGNAL_LEN];	/* by this signal; "" = by
												 * asking it */
	bool		hard_limit;		/* lost by its hard time limit */
	int			session;		/* slot of the holder */
	int			worker;			/* slot in workers, -1 = none */
	int			delivery;
	int64		ready;			/* the number it was taken at, 0 = unknown */
	int64		passed;			/* the highest a fetch passed over it at */
	uint64		serial;			/* tells it from other claims on this message */
	RowPlace	place;			/* where its row was when it was claimed */
	TimestampTz started_at;		/* 0 = not begun */
	struct Claim *next;			/* of those that the session holds */
	struct Claim *previous;
} Claim;

extern Size celeriac_claim_shmem_size(void);
extern void celeriac_claim_shmem_startup(void);

typedef enum ClaimTaken
{
	CLAIM_REFUSED,				/* somebody else holds it */
	CLAIM_TAKEN,
	CLAIM_NO_ROOM				/* the table is full: nobody may hold it */
} ClaimTaken;

extern ClaimTaken celeriac_claim_take(const pg_uuid_t *id, ClaimKind kind,
									  int worker, int delivery, int64 ready,
									  const RowPlace *place);

/* no room: a session that waits from now on is woken with all others */
extern bool celeriac_claim_full(void);

/* once after the table was full: somebody may be waiting for room */
extern bool celeriac_claim_was_full(void);
extern bool celeriac_claim_get(const pg_uuid_t *id, Claim *copy);

/* what this session holds and has not lost */
extern void celeriac_claim_release_own(const pg_uuid_t *id);
/* likewise, but one that was revoked is lost by that */
extern void celeriac_claim_undo(const pg_uuid_t *id);
/* likewise, of a session claim; false = revoked, or not this session's */
extern bool celeriac_claim_give_back(const pg_uuid_t *id);

/*
 * The claim with that serial number, in whatever session; none, if it has gone.
 * True = a fetch passed over its task since it was taken: look for it again.
 */
extern bool celeriac_claim_release(const pg_uuid_t *id, uint64 serial);
extern void celeriac_claim_set_delivery(const pg_uuid_t *id, int delivery);
extern bool celeriac_claim_started(const pg_uuid_t *id, int worker,
								   TimestampTz started_at);

/* signal: NULL = ask only; through xact.c, so that it is undone at an abort */
extern bool celeriac_claim_revoke(const pg_uuid_t *id, const char *signal,
								  Claim *before);
extern void celeriac_claim_unrevoke(const pg_uuid_t *id, uint64 serial,
									const char *signal);
/*
 * All that the session holds is lost.  limited is the one lost to its hard time
 * limit, which must not be tried again.
 */
extern void celeriac_claim_lose_session(int session, bool hard_limit,
										const pg_uuid_t *limited);

extern void celeriac_claim_forget(Oid dboid);

/* copies of all claims of this database that fit the kind; palloc'd */
extern Claim *celeriac_claim_list(ClaimKind kind, int *count);

#endif							/* CELERIAC_SHMEM_CLAIM_H */
