/*
 * hand.h
 *		What an executor has claimed: fetched, looked up, put back.
 */
#ifndef CELERIAC_EXECUTOR_HAND_H
#define CELERIAC_EXECUTOR_HAND_H

#include "base/names.h"

#include "base/delivery.h"

struct ModuleTask;

/* A delivery and what runs it; neither = not registered. */
typedef struct RunTask
{
	Delivery   *delivery;
	const struct ModuleTask *module;
} RunTask;

/* tasks[next] … tasks[count - 1] */
typedef struct Hand
{
	MemoryContext context;		/* of the tasks */
	RunTask    *tasks;
	int			count;
	int			next;
} Hand;

/* the name under which this executor works, and its slot in shared memory */
extern char celeriac_executor_name[CELERIAC_NAME_LEN];
extern int	celeriac_executor_slot;

extern void celeriac_hand_init(Hand *hands, int count);

/* celeriac.queues, as it is now */
extern void celeriac_hand_read_queues(void);
/* wait for tasks of these queues (wake.h) */
extern void celeriac_hand_wait_begin(void);

/* claim what is ready: in the current transaction, or in one of its own */
extern void celeriac_hand_fill(Hand *hand);
extern bool celeriac_hand_fetch(Hand *hand);

/* in memory; false for a task about which something has to be written */
extern bool celeriac_hand_put_back(const Delivery *delivery);
/* all but the next; those that cannot be put back stay in hand */
extern void celeriac_hand_put_back_rest(Hand *hand);

#endif							/* CELERIAC_EXECUTOR_HAND_H */
