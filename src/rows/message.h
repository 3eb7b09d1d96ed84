/*
 * message.h
 *		Rows of task_message as structs, and deliveries as SQL rows.
 */
#ifndef CELERIAC_ROWS_MESSAGE_H
#define CELERIAC_ROWS_MESSAGE_H

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

/*
 * For a delivery that is run next: its function, and the limits that the message
 * does not have itself, are those of its definition as it is now.
 */
extern void celeriac_delivery_define(Delivery *delivery);
extern void celeriac_put_delivery(ReturnSetInfo *rsinfo,
								  const Delivery *delivery);
/* acks_late => false: at most once */
extern bool celeriac_acks_early(const Delivery *delivery);
/* task_delivery as one composite value */
extern Datum celeriac_delivery_datum(const Delivery *delivery);

#endif							/* CELERIAC_ROWS_MESSAGE_H */
