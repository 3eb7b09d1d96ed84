/*
 * ending.c
 *		The tasks of one call that are about to end, found by their ids.
 */
#include "finish/ending.h"

#include "base/delivery.h"

/*
 * Items by id, to find one by the id a statement returns.  Of several for one
 * id, the first is the one that may count: that of the highest delivery, since
 * no later one was ever handed out, and among equals the one reported first.
 */
int
celeriac_compare_endings(const Ending *a, const Ending *b)
{
	return memcmp(&a->outcome->id, &b->outcome->id, UUID_LEN);
}

static int
compare_items(const void *a, const void *b)
{
	const Ending *first = *(Ending *const *) a;
	const Ending *second = *(Ending *const *) b;
	int			order = celeriac_compare_endings(first, second);

	if (order != 0)
		return order;
	if (first->outcome->delivery != second->outcome->delivery)
		return first->outcome->delivery > second->outcome->delivery ? -1 : 1;
	return first < second ? -1 : 1;
}

Ending **
celeriac_sort_endings(Ending *items, int count)
{
	Ending	  **sorted = palloc_extended((count + 1) * sizeof(Ending *), MCXT_ALLOC_HUGE);

	for (int i = 0; i < count; i++)
		sorted[i] = &items[i];
	qsort(sorted, count, sizeof(Ending *), compare_items);
	return sorted;
}

/* The first of those with this id. */
Ending *
celeriac_find_ending(Ending **sorted, int count, const pg_uuid_t *id)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (memcmp(&sorted[middle]->outcome->id, id, UUID_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < count && memcmp(&sorted[low]->outcome->id, id, UUID_LEN) == 0)
		return sorted[low];
	return NULL;
}

Ending *
celeriac_new_endings(Outcome *outcomes, int count, Hold hold)
{
	Ending	   *items = palloc_extended((count + 1) * sizeof(Ending),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < count; i++)
	{
		items[i].outcome = &outcomes[i];
		items[i].hold = hold;
		outcomes[i].accepted = false;
	}
	return items;
}
