/*
 * statement.h
 *		Every SQL statement of the extension's C code, by name.
 */
#ifndef CELERIAC_SESSION_STATEMENT_H
#define CELERIAC_SESSION_STATEMENT_H

#include "base/names.h"

typedef enum CelStatement
{
	STMT_SEND,
	STMT_SEND_WITH_ID,
	STMT_ID_TAKEN,
	STMT_DEFINITION,
	STMT_QUEUE,
	STMT_QUEUE_CREATE,
	STMT_PRIORITIES,
	STMT_FETCH_READ,
	STMT_FETCH_LEASE,
	STMT_FETCH_MARK,
	STMT_READ_ROW,
	STMT_READ_ROW_FREE,
	STMT_READ_LEASED,
	STMT_PARENTS,
	STMT_FINISH,
	STMT_TAKE_ENDED,
	STMT_RETRY,
	STMT_REQUEUE,
	STMT_STARTED,
	STMT_UPDATE_STATE,
	STMT_EXTEND,
	STMT_ATTACHABLE,
	STMT_RESULT,
	STMT_MESSAGE,
	STMT_FORGET,
	STMT_PURGE,
	STMT_MARK_REVOKED,
	STMT_RERUN,
	STMT_DUE,
	STMT_NEXT_DUE,
	STMT_EXPIRED,
	STMT_NEXT_EXPIRES,
	STMT_LEASE_LEVELS,
	STMT_LEASES_OVER,
	STMT_NEXT_LEASE,
	STMT_UNWATCHED_OVER,
	STMT_OLD_RESULTS,
	STMT_OLDEST_RESULT,
	STMT_SEGMENTS,
	STMT_SEGMENT_NOTE,
	STMT_SEGMENT_FORGET,
	STMT_WANTED_RESULTS_1,		/* one for each segment */
	STMT_WANTED_RESULTS_2,
	STMT_WANTED_RESULTS_3,
	STMT_WANTED_RESULTS_4,
	STMT_UNLEASED,
	STMT_UNACKED,
	STMT_WORKER_REGISTER,
	STMT_WORKER_STATE,
	STMT_WORKERS_ONLINE,
	STMT_RELEASE,
	STMT_UNRELEASED,
	STMT_COUNT_DOWN,
	STMT_UNCOUNTED,
	STMT_KEEP_VALUES,
	STMT_DEPENDENTS,
	STMT_GATHERED,
	STMT_WAITING_ROOTS,
	STMT_CANVAS_PART,
	STMT_CANVAS_OF_ROOT,
	STMT_CANVAS_OF_GROUP,
	STMT_TAKE_REPLACED,
	STMT_GROUP_OF,
	STMT_ADD_WAITING,
	STMT_STAMPED,
	STMT_EDGE_TARGETS,
	STMT_EDGES_REMOVE,
	STMT_STUCK,
	STMT_STUCK_SOURCE,
	STMT_RECOUNT,
	STMT_COUNT
} CelStatement;

/*
 * Where statement.c has several parameters or columns in a row: parameters count
 * from 0, as arrays of values do, columns from 1.  Those that return whole rows
 * of a table have its columns (relation.h).
 */

/* arrays of STMT_FINISH and STMT_TAKE_ENDED, and the time */
enum
{
	PARAM_END_ID, PARAM_END_STATE, PARAM_END_RESULT, PARAM_END_EXC_TYPE,
	PARAM_END_EXC_MESSAGE, PARAM_END_TRACEBACK, PARAM_END_STARTED_AT,
	PARAM_END_WORKER, PARAM_END_DELIVERY, END_ARRAYS,
	PARAM_END_DONE_AT = END_ARRAYS, END_PARAMS
};

/* the options follow */
enum
{
	Anum_definition_function = 1, Anum_definition_options
};

enum
{
	PARAM_RETRY_IDS, PARAM_RETRY_ETAS, PARAM_RETRY_DELIVERIES, PARAM_RETRY_EXC_TYPES,
	PARAM_RETRY_EXC_MESSAGES, RETRY_PARAMS
};

enum
{
	PARAM_REQUEUE_IDS, PARAM_REQUEUE_DELIVERIES, PARAM_REQUEUE_LOST, REQUEUE_PARAMS
};

enum
{
	PARAM_STARTED_WORKER, PARAM_STARTED_IDS, PARAM_STARTED_TIMES, STARTED_PARAMS
};

enum
{
	PARAM_UPDATE_STATE_ID, PARAM_UPDATE_STATE_STATE, PARAM_UPDATE_STATE_INFO,
	UPDATE_STATE_PARAMS
};

enum
{
	PARAM_EXTEND_WORKER, PARAM_EXTEND_IDS, PARAM_EXTEND_UNTIL, EXTEND_PARAMS
};

enum
{
	PARAM_ATTACHABLE_IDS, PARAM_ATTACHABLE_DELIVERIES, ATTACHABLE_PARAMS
};

enum
{
	Anum_attachable_id = 1, Anum_attachable_delivery, Anum_attachable_queue,
	Anum_attachable_priority, Anum_attachable_ready
};

enum
{
	Anum_parent_id = 1, Anum_parent_root_id, Anum_parent_sent_by
};

/* STMT_RESULT, STMT_MESSAGE: what is known of a task */
enum
{
	Anum_of_result_state = 1, Anum_of_result_result, Anum_of_result_exc_type,
	Anum_of_result_exc_message, Anum_of_result_traceback, Anum_of_result_sent_by,
	Anum_of_result_name
};

enum
{
	Anum_of_message_state = 1, Anum_of_message_xmin, Anum_of_message_sent_by,
	Anum_of_message_name
};

enum
{
	Anum_purged_id = 1, Anum_purged_options, Anum_purged_sent_by, Anum_purged_root_id,
	Anum_purged_count
};

enum
{
	Anum_lease_level_queue = 1, Anum_lease_level_priority, Anum_lease_level_highest
};

/* STMT_LEASES_OVER; all but the last: STMT_NEXT_LEASE */
enum
{
	PARAM_LEASES_QUEUE, PARAM_LEASES_PRIORITY, PARAM_LEASES_HIGHEST, PARAM_LEASES_MAX,
	LEASES_PARAMS
};

enum
{
	Anum_segment_number = 1, Anum_segment_opened_at, Anum_segment_closed_at
};

enum
{
	PARAM_SEGMENT_NUMBER, PARAM_SEGMENT_OPENED_AT, PARAM_SEGMENT_CLOSED_AT, SEGMENT_PARAMS
};

enum
{
	PARAM_REGISTER_NAME, PARAM_REGISTER_QUEUES, PARAM_REGISTER_CONCURRENCY,
	PARAM_REGISTER_PID, PARAM_REGISTER_INFO, REGISTER_PARAMS
};

/* STMT_RELEASE; the first of them: STMT_UNRELEASED */
enum
{
	PARAM_RELEASE_IDS, PARAM_RELEASE_VALUES, PARAM_RELEASE_PARENTS, RELEASE_PARAMS
};

/* STMT_UNCOUNTED; the first of them: STMT_COUNT_DOWN */
enum
{
	PARAM_COUNTED_IDS, PARAM_COUNTED_TOUCHED, COUNTED_PARAMS
};

enum
{
	Anum_counted_id = 1, Anum_counted_waiting, Anum_counted_ended, Anum_counted_last
};

enum
{
	PARAM_KEEP_IDS, PARAM_KEEP_VALUES, KEEP_PARAMS
};

enum
{
	Anum_dependent_source = 1, Anum_dependent_target, Anum_dependent_depth,
	Anum_dependent_is_group
};

enum
{
	Anum_gathered_id = 1, Anum_gathered_list, Anum_gathered_failed_id,
	Anum_gathered_failed_state, Anum_gathered_failed_exc_type,
	Anum_gathered_failed_exc_message, Anum_gathered_failed_traceback,
	Anum_gathered_failed
};

enum
{
	Anum_part_root = 1, Anum_part_is_root, Anum_part_is_group
};

/* STMT_CANVAS_OF_ROOT, STMT_CANVAS_OF_GROUP */
enum
{
	Anum_unfinished_id = 1, Anum_unfinished_waits, Anum_unfinished_leased
};

enum
{
	PARAM_REPLACED_IDS, PARAM_REPLACED_DELIVERIES, REPLACED_PARAMS
};

enum
{
	Anum_group_of_id = 1, Anum_group_of_slot
};

enum
{
	PARAM_STAMPED_HEADERS, PARAM_STAMPED_ALL, PARAM_STAMPED_SENT_BY, STAMPED_PARAMS
};

enum
{
	Anum_stuck_id = 1, Anum_stuck_root, Anum_stuck_is_group
};

enum
{
	Anum_stuck_source_id = 1, Anum_stuck_source_state, Anum_stuck_source_result,
	Anum_stuck_source_exc_type, Anum_stuck_source_exc_message, Anum_stuck_source_options
};

#define CEL_MAX_PARAMS 24

typedef struct CelStatementText
{
	const char *sql;
	int			nargs;
	Oid			types[CEL_MAX_PARAMS];
} CelStatementText;

extern const CelStatementText celeriac_statements[STMT_COUNT];

#endif							/* CELERIAC_SESSION_STATEMENT_H */
