/*
 * attempt.c
 *		Work whose failure is caught.
 */
#include "base/attempt.h"

#include "access/xact.h"
#include "utils/resowner.h"

static bool
passes(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_SYSTEM_ERROR:
			return true;
		default:
			return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
	}
}

/* The subtransaction is over before an error goes on: the caller knows of none. */
static ErrorData *
in_subtransaction(void (*work) (void *), void *argument, const volatile bool *keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(argument);
		if (*keep)
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	if (error != NULL || !*keep)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
celeriac_attempt(void (*work) (void *), void *argument)
{
	const bool	keep = true;
	ErrorData  *error = in_subtransaction(work, argument, &keep);

	if (error != NULL && passes(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

void
celeriac_do_and_undo(void (*work) (void *), void *argument)
{
	const bool	keep = false;

	celeriac_do_and_keep_if(work, argument, &keep);
}

void
celeriac_do_and_keep_if(void (*work) (void *), void *argument, const bool *keep)
{
	ErrorData  *error = in_subtransaction(work, argument, keep);

	if (error != NULL)
		ReThrowError(error);
}
