/*
 * candidate.c
 *		Tasks that were claimed and are to be looked at again.
 */
#include "task/candidate.h"

static int
compare_candidates(const void *a, const void *b)
{
	return memcmp(&(*(Candidate *const *) a)->id, &(*(Candidate *const *) b)->id, UUID_LEN);
}

/* Those not kept, by id; how many. */
int
celeriac_candidates_missing(Candidates *found, Candidate **list)
{
	int			count = 0;

	for (int i = 0; i < found->count; i++)
	{
		if (!found->items[i].kept)
			list[count++] = &found->items[i];
	}
	qsort(list, count, sizeof(Candidate *), compare_candidates);
	return count;
}

Candidate *
celeriac_find_candidate(Candidate **list, int count, const pg_uuid_t *id)
{
	Candidate	sought = {.id = *id};
	Candidate  *key = &sought;
	Candidate **found = bsearch(&key, list, count, sizeof(Candidate *),
								compare_candidates);

	return found == NULL ? NULL : *found;
}
