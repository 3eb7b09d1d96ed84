/*
 * relation.h
 *		Column numbers of the tables, as src/sql/tables.sql declares them, and
 *		where a row is.
 */
#ifndef CELERIAC_BASE_RELATION_H
#define CELERIAC_BASE_RELATION_H

#include "base/names.h"

#include "storage/itemptr.h"

typedef enum MessageAttribute
{
	Anum_message_id = 1,
	Anum_message_name,
	Anum_message_args,
	Anum_message_kwargs,
	Anum_message_queue,
	Anum_message_priority,
	Anum_message_ready,
	Anum_message_state,
	Anum_message_eta,
	Anum_message_expires,
	Anum_message_retries,
	Anum_message_max_retries,
	Anum_message_deliveries,
	Anum_message_worker,
	Anum_message_leased_until,
	Anum_message_waiting,
	Anum_message_root_id,
	Anum_message_parent_id,
	Anum_message_group_id,
	Anum_message_sent_by,
	Anum_message_sent_at,
	Anum_message_started_at,
	Anum_message_options
} MessageAttribute;

typedef enum ResultAttribute
{
	Anum_result_id = 1,
	Anum_result_name,
	Anum_result_args,
	Anum_result_kwargs,
	Anum_result_queue,
	Anum_result_priority,
	Anum_result_state,
	Anum_result_result,
	Anum_result_exc_type,
	Anum_result_exc_message,
	Anum_result_traceback,
	Anum_result_retries,
	Anum_result_max_retries,
	Anum_result_worker,
	Anum_result_root_id,
	Anum_result_parent_id,
	Anum_result_group_id,
	Anum_result_sent_by,
	Anum_result_sent_at,
	Anum_result_started_at,
	Anum_result_done_at,
	Anum_result_options
} ResultAttribute;

/* as src/sql/tables.sql creates them, and the parent */
#define CEL_MESSAGE_SEGMENTS	4
#define CEL_RESULT_SEGMENTS		5

/* where a version of a row is; segment < 0 = unknown */
typedef struct RowPlace
{
	int			segment;
	ItemPointerData tid;
} RowPlace;

#endif							/* CELERIAC_BASE_RELATION_H */
