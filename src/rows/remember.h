/*
 * remember.h
 *		What this session fetched, for those who end a task by its id alone.
 */
#ifndef CELERIAC_ROWS_REMEMBER_H
#define CELERIAC_ROWS_REMEMBER_H

#include "base/names.h"

#include "base/delivery.h"

/* what this session fetched by lease, for the one-task forms of finish */
extern void celeriac_remember_delivery(const char *worker,
									   const Delivery *delivery);
extern bool celeriac_recall_delivery(const pg_uuid_t *id, const char **worker,
									 int *delivery);
extern void celeriac_forget_delivery(const pg_uuid_t *id);
/* and by session claims: which it may hold no more */
extern void celeriac_remember_claimed(const pg_uuid_t *id);
extern bool celeriac_was_claimed(const pg_uuid_t *id);

#endif							/* CELERIAC_ROWS_REMEMBER_H */
