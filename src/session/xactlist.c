/*
 * xactlist.c
 *		Lists of what a transaction did; see xact.c.
 */
#include "session/xactlist.h"

#include "access/xact.h"
#include "utils/memutils.h"

void
celeriac_list_reserve(XactList *list)
{
	int			room = list->room == 0 ? 16 : list->room * 2;

	if (list->count < list->room)
		return;
	if (list->items == NULL)
		list->items = MemoryContextAlloc(TopTransactionContext,
										 room * list->item_size);
	else
		list->items = repalloc_huge(list->items, room * list->item_size);
	list->room = room;
}

void *
celeriac_list_add(XactList *list)
{
	SubTransactionId *item;

	celeriac_list_reserve(list);
	item = (SubTransactionId *) (list->items + list->count * list->item_size);
	*item = GetCurrentSubTransactionId();
	list->count++;
	return item;
}

int
celeriac_list_before(const XactList *list, SubTransactionId subid)
{
	int			count = list->count;

	while (count > 0 &&
		   *(SubTransactionId *) (list->items + (count - 1) * list->item_size) >= subid)
		count--;
	return count;
}

