/*
 * function.h
 *		Descriptions of the functions that tasks call, kept by each backend.
 */
#ifndef CELERIAC_CALL_FUNCTION_H
#define CELERIAC_CALL_FUNCTION_H

#include "base/names.h"

#include "call/convert.h"

/* How to call it with values for some of its parameters. */
typedef struct CallPlan
{
	struct CallPlan *next;
	struct SqlFunction *function;
	Bitmapset  *given;			/* parameters that get a value, from 0 */
	SPIPlanPtr	plan;
} CallPlan;

typedef struct SqlFunction
{
	Oid			oid;
	Oid			namespace_oid;
	const char *name;			/* for messages */
	const char *alias;			/* for statements */
	bool		returns_set;
	bool		returns_void;
	int			nparams;
	Parameter  *params;
	CallPlan   *plans;
	MemoryContext context;		/* holds all of this */
	struct SqlFunction *next;	/* when retired */
} SqlFunction;

/* valid until celeriac_functions_settle; raises if it can be no task */
extern SqlFunction *celeriac_function(Oid oid);
/* no description is in use: those that have been replaced go */
extern void celeriac_functions_settle(void);

#endif							/* CELERIAC_CALL_FUNCTION_H */
