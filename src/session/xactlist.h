/*
 * xactlist.h
 *		Lists of what a transaction did; see xact.c.
 */
#ifndef CELERIAC_SESSION_XACTLIST_H
#define CELERIAC_SESSION_XACTLIST_H

#include "base/names.h"

/* a growing array in TopTransactionContext; items start with their subxact */
typedef struct XactList
{
	char	   *items;
	Size		item_size;
	int			count;
	int			room;
} XactList;

#define XACT_LIST(type)	{NULL, sizeof(type), 0, 0}

#define ITEM(list, type, i)	(&((type *) (list).items)[i])

/* room for one more, so that adding it cannot fail */
extern void celeriac_list_reserve(XactList *list);
/* another item, of this subtransaction; the rest of it is the caller's to fill */
extern void *celeriac_list_add(XactList *list);
/* how many of the list are older than that subtransaction */
extern int	celeriac_list_before(const XactList *list, SubTransactionId subid);

#endif							/* CELERIAC_SESSION_XACTLIST_H */
