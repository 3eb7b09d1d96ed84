/*
 * relation.h
 *		The columns of the tables and types, as src/sql/tables.sql and types.sql
 *		declare them, and where a row is.
 */
#ifndef CELERIAC_BASE_RELATION_H
#define CELERIAC_BASE_RELATION_H

#include "base/names.h"

#include "storage/itemptr.h"

/* COLUMN(name, type) */
#define CELERIAC_MESSAGE_COLUMNS(COLUMN) \
	COLUMN(id, UUIDOID) \
	COLUMN(name, TEXTOID) \
	COLUMN(args, JSONBOID) \
	COLUMN(kwargs, JSONBOID) \
	COLUMN(queue, TEXTOID) \
	COLUMN(priority, INT2OID) \
	COLUMN(ready, INT8OID) \
	COLUMN(state, TEXTOID) \
	COLUMN(eta, TIMESTAMPTZOID) \
	COLUMN(expires, TIMESTAMPTZOID) \
	COLUMN(retries, INT4OID) \
	COLUMN(max_retries, INT4OID) \
	COLUMN(deliveries, INT4OID) \
	COLUMN(worker, TEXTOID) \
	COLUMN(leased_until, TIMESTAMPTZOID) \
	COLUMN(waiting, INT4OID) \
	COLUMN(root_id, UUIDOID) \
	COLUMN(parent_id, UUIDOID) \
	COLUMN(group_id, UUIDOID) \
	COLUMN(sent_by, TEXTOID) \
	COLUMN(sent_at, TIMESTAMPTZOID) \
	COLUMN(started_at, TIMESTAMPTZOID) \
	COLUMN(options, JSONBOID)

/*
 * COLUMN(name, type, source).  source: message = as the message has it (key: so
 * is the id), end = how the task ended says, either = the message, unless its
 * end says otherwise.
 */
#define CELERIAC_RESULT_COLUMNS(COLUMN) \
	COLUMN(id, UUIDOID, key) \
	COLUMN(name, TEXTOID, message) \
	COLUMN(args, JSONBOID, message) \
	COLUMN(kwargs, JSONBOID, message) \
	COLUMN(queue, TEXTOID, message) \
	COLUMN(priority, INT2OID, message) \
	COLUMN(state, TEXTOID, end) \
	COLUMN(result, JSONBOID, end) \
	COLUMN(exc_type, TEXTOID, end) \
	COLUMN(exc_message, TEXTOID, end) \
	COLUMN(traceback, TEXTOID, end) \
	COLUMN(retries, INT4OID, message) \
	COLUMN(max_retries, INT4OID, message) \
	COLUMN(worker, TEXTOID, either) \
	COLUMN(root_id, UUIDOID, message) \
	COLUMN(parent_id, UUIDOID, message) \
	COLUMN(group_id, UUIDOID, message) \
	COLUMN(sent_by, TEXTOID, message) \
	COLUMN(sent_at, TIMESTAMPTZOID, message) \
	COLUMN(started_at, TIMESTAMPTZOID, either) \
	COLUMN(done_at, TIMESTAMPTZOID, end) \
	COLUMN(options, JSONBOID, end)

/* of the type task_delivery */
#define CELERIAC_DELIVERY_COLUMNS(COLUMN) \
	COLUMN(id, UUIDOID) \
	COLUMN(name, TEXTOID) \
	COLUMN(args, JSONBOID) \
	COLUMN(kwargs, JSONBOID) \
	COLUMN(queue, TEXTOID) \
	COLUMN(priority, INT4OID) \
	COLUMN(retries, INT4OID) \
	COLUMN(max_retries, INT4OID) \
	COLUMN(delivery, INT4OID) \
	COLUMN(eta, TIMESTAMPTZOID) \
	COLUMN(expires, TIMESTAMPTZOID) \
	COLUMN(root_id, UUIDOID) \
	COLUMN(parent_id, UUIDOID) \
	COLUMN(group_id, UUIDOID) \
	COLUMN(options, JSONBOID)

/* of the type task_outcome */
#define CELERIAC_OUTCOME_COLUMNS(COLUMN) \
	COLUMN(id, UUIDOID) \
	COLUMN(delivery, INT4OID) \
	COLUMN(state, TEXTOID) \
	COLUMN(result, JSONBOID) \
	COLUMN(exc_type, TEXTOID) \
	COLUMN(exc_message, TEXTOID) \
	COLUMN(traceback, TEXTOID) \
	COLUMN(countdown, INTERVALOID) \
	COLUMN(started_at, TIMESTAMPTZOID)

#define CELERIAC_MESSAGE_ATTRIBUTE(name, type) Anum_message_##name,
#define CELERIAC_RESULT_ATTRIBUTE(name, type, source) Anum_result_##name,
#define CELERIAC_DELIVERY_ATTRIBUTE(name, type) Anum_delivery_##name,
#define CELERIAC_OUTCOME_ATTRIBUTE(name, type) Anum_outcome_##name,

typedef enum MessageAttribute
{
	Anum_message_none,
	CELERIAC_MESSAGE_COLUMNS(CELERIAC_MESSAGE_ATTRIBUTE)
} MessageAttribute;

typedef enum ResultAttribute
{
	Anum_result_none,
	CELERIAC_RESULT_COLUMNS(CELERIAC_RESULT_ATTRIBUTE)
} ResultAttribute;

typedef enum DeliveryAttribute
{
	Anum_delivery_none,
	CELERIAC_DELIVERY_COLUMNS(CELERIAC_DELIVERY_ATTRIBUTE)
} DeliveryAttribute;

typedef enum OutcomeAttribute
{
	Anum_outcome_none,
	CELERIAC_OUTCOME_COLUMNS(CELERIAC_OUTCOME_ATTRIBUTE)
} OutcomeAttribute;

#define CELERIAC_COLUMN_ONE(...) + 1
#define MESSAGE_COLUMN_COUNT	(0 CELERIAC_MESSAGE_COLUMNS(CELERIAC_COLUMN_ONE))
#define RESULT_COLUMN_COUNT		(0 CELERIAC_RESULT_COLUMNS(CELERIAC_COLUMN_ONE))
#define DELIVERY_COLUMN_COUNT	(0 CELERIAC_DELIVERY_COLUMNS(CELERIAC_COLUMN_ONE))
#define OUTCOME_COLUMN_COUNT	(0 CELERIAC_OUTCOME_COLUMNS(CELERIAC_COLUMN_ONE))

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
