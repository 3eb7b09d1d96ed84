/*
 * message.h
 *		Rows of task_message as structs, and deliveries as SQL rows.
 */
#ifndef CELERIAC_MESSAGE_H
#define CELERIAC_MESSAGE_H

#include "base/names.h"

#include "executor/spi.h"
#include "nodes/execnodes.h"

#include "base/delivery.h"
#include "base/row.h"

/* Texts that most rows read in a go have in common; begins as zeros. */
typedef struct DeliveryTexts
{
	char	   *name;
	char	   *queue;
	char	   *sent_by;
} DeliveryTexts;

/* a row of task_message; everything copied into the current context */
extern void celeriac_row_delivery(const Row *row, DeliveryTexts *texts,
								  Delivery *delivery);
extern void celeriac_read_delivery(SPITupleTable *table, uint64 row,
								   Delivery *delivery);
extern void celeriac_put_delivery(ReturnSetInfo *rsinfo,
								  const Delivery *delivery);
/* acks_late => false: at most once */
extern bool celeriac_acks_early(const Delivery *delivery);
/* task_delivery as one composite value */
extern Datum celeriac_delivery_datum(const Delivery *delivery);

/* what this session fetched by lease, for the one-task forms of finish */
extern void celeriac_remember_delivery(const char *worker,
									   const Delivery *delivery);
extern bool celeriac_recall_delivery(const pg_uuid_t *id, const char **worker,
									 int *delivery);
extern void celeriac_forget_delivery(const pg_uuid_t *id);
/* and by session claims: which it may hold no more */
extern void celeriac_remember_claimed(const pg_uuid_t *id);
extern bool celeriac_was_claimed(const pg_uuid_t *id);

extern void celeriac_announce_received(const char *worker,
									   const Delivery *deliveries, int count);

#endif							/* CELERIAC_MESSAGE_H */
