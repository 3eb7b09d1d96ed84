/*
 * condition.h
 *		Names of SQLSTATEs, as PL/pgSQL and the manual know them.
 */
#ifndef CELERIAC_BASE_CONDITION_H
#define CELERIAC_BASE_CONDITION_H

#include "base/names.h"

/* "22012 division_by_zero", or the SQLSTATE alone; palloc'd */
extern char *celeriac_condition_exc_type(int sqlerrcode);

/*
 * Is this failure one of those a definition wants tried again?  A pattern is
 * '*', an exception type as the result shows it ("TimeLimitExceeded"), or as in
 * PL/pgSQL's EXCEPTION clause a condition's name or SQLSTATE; that of a category
 * ("40000", "transaction_rollback") stands for all its members.
 */
extern bool celeriac_autoretry_matches(const char *exc_type,
									   char *const *patterns, int n);

#endif							/* CELERIAC_BASE_CONDITION_H */
