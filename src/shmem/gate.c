/*
 * gate.c
 *		Transactions that begin stand back, so that a segment can be emptied.
 */
#include "shmem/gate.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "shmem/database.h"

void
celeriac_gate_close(void)
{
	TimestampTz until = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), CEL_GATE_MS);

	pg_atomic_write_u64(&celeriac_my_database()->gate, (uint64) until);
}

void
celeriac_gate_open(void)
{
	pg_atomic_write_u64(&celeriac_my_database()->gate, 0);
}

/*
 * A coordinator that dies leaves a time that passes; should the clock be set
 * back, the number of naps is what ends.
 */
void
celeriac_gate_pass(void)
{
	pg_atomic_uint64 *gate = &celeriac_my_database()->gate;
	uint64		until;

	for (int naps = 0; naps < CEL_GATE_NAPS; naps++)
	{
		until = pg_atomic_read_u64(gate);
		if (until == 0 || GetCurrentTimestamp() >= (TimestampTz) until ||
			TransactionIdIsValid(GetTopTransactionIdIfAny()))
			break;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(CEL_GATE_NAP_US);
	}
}
