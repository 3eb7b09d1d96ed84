/*
 * candidate.h
 *		Tasks that were claimed and are to be looked at again.
 */
#ifndef CELERIAC_TASK_CANDIDATE_H
#define CELERIAC_TASK_CANDIDATE_H

#include "base/names.h"

#include "base/relation.h"

/* A row of one level, claimed and not yet read again. */
typedef struct Candidate
{
	pg_uuid_t	id;
	RowPlace	place;
	int			claim;			/* its number in xact.c */
	bool		own;			/* ready by this transaction */
	bool		kept;			/* it was still there */
} Candidate;

typedef struct Candidates
{
	const char *queue;
	int			priority;
	int			count;
	Candidate  *items;
} Candidates;

/* those not kept yet, into a list sorted by id; returns how many */
extern int	celeriac_candidates_missing(Candidates *found, Candidate **list);
extern Candidate *celeriac_find_candidate(Candidate **list, int count,
										  const pg_uuid_t *id);

#endif							/* CELERIAC_TASK_CANDIDATE_H */
