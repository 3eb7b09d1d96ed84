/*
 * receive.c
 *		A task as task_fetch() returns it.
 */
#include "pool/receive.h"

#include "celeriac/task.h"
#include "server/answer.h"
#include "server/statements.h"

Delivery
receive_delivery(const PGresult *result, int row)
{
	Delivery	delivery = {
		.delivery = answer_int32(result, row, FETCH_DELIVERY, 0),
		.name = answer_text(result, row, FETCH_NAME),
		.queue = answer_text(result, row, FETCH_QUEUE),
		.args = answer_jsonb(result, row, FETCH_ARGS),
		.kwargs = answer_jsonb(result, row, FETCH_KWARGS),
		.options = answer_jsonb(result, row, FETCH_OPTIONS),
		.priority = answer_int32(result, row, FETCH_PRIORITY, 0),
		.retries = answer_int32(result, row, FETCH_RETRIES, 0),
		.max_retries = answer_int32(result, row, FETCH_MAX_RETRIES,
									TASK_NO_LIMIT),
	};

	answer_uuid(result, row, FETCH_ID, &delivery.id);
	delivery.has_root = answer_uuid(result, row, FETCH_ROOT_ID,
									&delivery.root_id);
	delivery.has_parent = answer_uuid(result, row, FETCH_PARENT_ID,
									  &delivery.parent_id);
	delivery.has_group = answer_uuid(result, row, FETCH_GROUP_ID,
									 &delivery.group_id);
	if (delivery.name.data == NULL)
		delivery.name = text_of("");
	return delivery;
}
