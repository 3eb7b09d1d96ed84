/*
 * uuid.c
 *		Task ids: UUID version 7 (RFC 9562), so that they grow with time.
 *
 * 48 bits of milliseconds, 12 bits of the fraction below, 62 random bits.
 * Within one backend ids grow strictly.
 */
#include "base/uuid.h"

#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define UNIX_EPOCH_US \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static pg_prng_state prng;
static int	prng_pid = 0;

/* Seeded once per process: a fork must not repeat its parent's ids. */
static uint64
random_bits(void)
{
	if (prng_pid != MyProcPid)
	{
		if (!pg_prng_strong_seed(&prng))
			pg_prng_seed(&prng, (uint64) GetCurrentTimestamp() ^ (uint64) MyProcPid);
		prng_pid = MyProcPid;
	}
	return pg_prng_uint64(&prng);
}

/* Units of 1/4096 ms since the UNIX epoch, never the same twice. */
static uint64
next_tick(void)
{
	static uint64 last = 0;
	uint64		us = (uint64) (GetCurrentTimestamp() + UNIX_EPOCH_US);
	uint64		tick = (us / 1000) * 4096 + (us % 1000) * 4096 / 1000;

	last = Max(tick, last + 1);
	return last;
}

void
celeriac_uuid(pg_uuid_t *id)
{
	uint64		tick = next_tick();
	uint64		ms = tick / 4096;
	uint64		random = random_bits();

	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ms >> (40 - 8 * i));
	id->data[6] = 0x70 | ((tick >> 8) & 0x0f);
	id->data[7] = tick & 0xff;
	memcpy(&id->data[8], &random, sizeof(random));
	id->data[8] = 0x80 | (id->data[8] & 0x3f);
}

char *
celeriac_uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}
