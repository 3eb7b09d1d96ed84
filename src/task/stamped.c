/*
 * stamped.c
 *		Tasks that carry a stamp.
 */
#include "base/names.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "base/check.h"
#include "base/compat.h"
#include "session/exec.h"
#include "session/identity.h"
#include "session/role.h"
#include "session/statement.h"

PG_FUNCTION_INFO_V1(celeriac_stamped);

/*
 * celeriac_stamped(headers): the caller's tasks that have not ended and carry
 * one of these values; an admin's are everybody's.  There is no index on
 * stamps, since each message would pay for it: all messages are read.
 */
Datum
celeriac_stamped(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CelContext	context;
	SPITupleTable *table;
	Datum		values[STAMPED_PARAMS];
	uint64		count;

	celeriac_require_not_null(fcinfo, 0, "headers");
	celeriac_require_object(PG_GETARG_JSONB_P(0), "headers");
	celeriac_init_srf(fcinfo);
	celeriac_enter(&context, fcinfo);
	values[PARAM_STAMPED_HEADERS] = PG_GETARG_DATUM(0);
	values[PARAM_STAMPED_ALL] = BoolGetDatum(celeriac_is_admin(context.caller));
	values[PARAM_STAMPED_SENT_BY] = CStringGetTextDatum(celeriac_role_name(context.caller));
	count = celeriac_exec(STMT_STAMPED, values, NULL);
	table = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
		tuplestore_puttuple(rsinfo->setResult, table->vals[i]);
	celeriac_leave(&context);
	PG_RETURN_NULL();
}
