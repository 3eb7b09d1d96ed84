/*
 * child.c
 *		A process of the pool: runs tasks one at a time.
 *
 * It reads deliveries from the socket, runs each and reports.  Reports are
 * collected in the shared page and written when the input is empty, when the
 * oldest is 2 ms old, and before a task that is not known to be short, so that
 * nobody waits for a neighbour's result.
 *
 * It knows nothing of the database.  When it dies, the page tells what it was
 * doing; when the supervisor dies, the kernel kills it.
 */
#include "pool/child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exitcode.h"
#include "base/log.h"
#include "base/mem.h"
#include "sdk/map.h"
#include "sdk/sdk.h"
#include "sdk/shared.h"

#define CHILD_READ_SIZE		(64 * 1024)

/* reports may wait so long for company */
#define CHILD_REPORT_DELAY	(2 * CLOCK_MS)

typedef struct Child
{
	int			socket;
	Page	   *page;
	const Catalog *catalog;
	int64_t    *last_runtime;	/* by module task; -1 = never ran */
	Buffer		in;
	Buffer		frame;			/* scratch: the frame being built */
	int64_t		oldest_report;	/* when the first kept report was made; or 0 */
	int64_t		wall_offset;	/* clock_wall() - clock_mono() */
	int64_t		now;			/* clock_mono() when the last task ended */
	uint32_t	seq;			/* of the running task */
	const Delivery *delivery;	/* the running task */
} Child;

/*
 * Writing
 */

/* The supervisor is gone when this fails; so are we. */
static void
child_send(Child *child, const char *bytes, size_t length)
{
	while (length > 0)
	{
		ssize_t		put = write(child->socket, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			_exit(EXIT_SYSTEM);
		bytes += put;
		length -= (size_t) put;
	}
}

static void
child_flush(Child *child)
{
	Page	   *page = child->page;

	if (child->oldest_report == 0)
		return;
	child_send(child, page->reports, atomic_load(&page->reports_length));
	page_forget_reports(page);
	child->oldest_report = 0;
}

/* Send the frame just built, behind everything reported so far. */
static void
child_send_frame(Child *child)
{
	child_flush(child);
	child_send(child, buffer_head(&child->frame),
			   buffer_length(&child->frame));
	buffer_consume(&child->frame, buffer_length(&child->frame));
}

/*
 * The report is in the page before the next task can begin, so a crash of that
 * one does not lose it.  One that is too large goes to the socket directly.
 */
static void
child_report(Child *child, const Report *report)
{
	frame_put_report(&child->frame, child->seq, report);
	if (buffer_length(&child->frame) > PAGE_REPORTS_SIZE / 2)
	{
		child_send_frame(child);
		return;
	}
	if (!page_keep_report(child->page, buffer_head(&child->frame),
						  buffer_length(&child->frame)))
	{
		child_flush(child);
		page_keep_report(child->page, buffer_head(&child->frame),
						 buffer_length(&child->frame));
	}
	buffer_consume(&child->frame, buffer_length(&child->frame));
	if (child->oldest_report == 0)
		child->oldest_report = child->now;
}

/*
 * Services for the running task
 */

static bool
child_update_state(void *data, const char *state, const char *info)
{
	Child	   *child = data;

	frame_put_state(&child->frame, child->seq, text_of(state), text_of(info));
	child_send_frame(child);
	return true;
}

static void
child_log(void *data, task_log_level level, const char *message)
{
	static const LogLevel levels[] = {
		[TASK_LOG_DEBUG] = LOG_LEVEL_DEBUG,
		[TASK_LOG_INFO] = LOG_LEVEL_INFO,
		[TASK_LOG_WARNING] = LOG_LEVEL_WARNING,
		[TASK_LOG_ERROR] = LOG_LEVEL_ERROR,
	};
	Child	   *child = data;

	if ((unsigned) level > TASK_LOG_ERROR)
		level = TASK_LOG_ERROR;
	log_from_task(levels[level], child->delivery->name, &child->delivery->id,
				  message);
}

static bool
child_revoked(void *data)
{
	Child	   *child = data;

	return atomic_load(&child->page->revoked_seq) == child->seq;
}

static bool
child_soft_limit_reached(void *data)
{
	Child	   *child = data;

	return atomic_load(&child->page->soft_limit_seq) == child->seq;
}

/*
 * Running
 */

typedef struct ChildIds
{
	char		id[UUID_TEXT_SIZE];
	char		root[UUID_TEXT_SIZE];
	char		parent[UUID_TEXT_SIZE];
	char		group[UUID_TEXT_SIZE];
} ChildIds;

static const char *
child_optional_id(bool present, const Uuid *uuid, char *text)
{
	if (!present)
		return NULL;
	uuid_format(uuid, text);
	return text;
}

static SdkInput
child_sdk_input(const Delivery *delivery, ChildIds *ids)
{
	return (SdkInput) {
		.id = child_optional_id(true, &delivery->id, ids->id),
		.name = delivery->name.data,
		.queue = delivery->queue.data,
		.root_id = child_optional_id(delivery->has_root, &delivery->root_id,
									 ids->root),
		.parent_id = child_optional_id(delivery->has_parent,
									   &delivery->parent_id, ids->parent),
		.group_id = child_optional_id(delivery->has_group,
									  &delivery->group_id, ids->group),
		.args = delivery->args.data,
		.kwargs = delivery->kwargs.data,
		.options = delivery->options.data,
		.priority = delivery->priority,
		.retries = delivery->retries,
		.max_retries = delivery->max_retries,
		.delivery = delivery->delivery,
	};
}

static void
child_end_task(Child *child, Report *report)
{
	int64_t		ended = clock_mono();
	int64_t		began = atomic_load(&child->page->started_at);

	report->started_at = began + child->wall_offset;
	report->runtime = ended - began;
	child->now = ended;
	child_report(child, report);
}

static void
child_run_module_task(Child *child, const ModuleTask *task)
{
	const SdkHost host = {
		.update_state = child_update_state,
		.log = child_log,
		.revoked = child_revoked,
		.soft_limit_reached = child_soft_limit_reached,
		.data = child,
	};
	ChildIds	ids;
	SdkInput	input = child_sdk_input(child->delivery, &ids);
	SdkOutcome	outcome;
	Report		report;

	if (map_is(input.name))
		map_run(&host, &input, task->definition, &outcome);
	else
		sdk_run(&host, &input, task->definition->run, &outcome);
	if (outcome.exc_type != NULL)
		text_make_utf8(outcome.exc_type, strlen(outcome.exc_type));
	if (outcome.exc_message != NULL)
		text_make_utf8(outcome.exc_message, strlen(outcome.exc_message));
	report = (Report) {
		.state = sdk_outcome_state(&outcome),
		.countdown = outcome.countdown,
		.result = text_of(outcome.result),
		.exc_type = text_of(outcome.exc_type),
		.exc_message = text_of(outcome.exc_message),
		.sent = text_of(outcome.sent),
	};
	child_end_task(child, &report);
	sdk_outcome_free(&outcome);
}

static void
child_run_program(Child *child, const Program *program)
{
	ProgramRun	run = {0};
	Report		report = {.state = OUTCOME_SUCCESS};

	program_run(program, child->delivery, child->seq, child->page, &run,
				&report);
	child_end_task(child, &report);
	program_run_free(&run);
}

static void
child_run_unknown(Child *child, const char *name)
{
	char		message[512];
	Report		report = {
		.state = OUTCOME_FAILURE,
		.exc_type = text_of(EXC_NOT_REGISTERED),
	};

	snprintf(message, sizeof(message),
			 "this worker has no task called \"%s\"",
			 name);
	text_make_utf8(message, strlen(message));
	report.exc_message = text_of(message);
	child_end_task(child, &report);
}

/*
 * A database in SQL_ASCII may hold anything, but modules and programs are
 * promised UTF-8.
 */
static bool
child_is_readable(const Delivery *delivery)
{
	return text_is_utf8(delivery->name) && text_is_utf8(delivery->queue) &&
		text_is_utf8(delivery->args) && text_is_utf8(delivery->kwargs) &&
		text_is_utf8(delivery->options);
}

static void
child_run_unreadable(Child *child)
{
	Report		report = {
		.state = OUTCOME_FAILURE,
		.exc_type = text_of(EXC_ENCODE),
		.exc_message = text_of(NOT_UTF8),
	};

	child_end_task(child, &report);
}

/* Where the runtime of a module's task is remembered. */
static int64_t *
child_runtime_of(Child *child, const ModuleTask *task)
{
	return &child->last_runtime[task -
								module_task_at(child->catalog->modules, 0)];
}

/* Programs are not mapped: each would have to be started for each item. */
static void
child_run_map(Child *child)
{
	char	   *name = map_task(child->delivery->kwargs.data);
	const ModuleTask *task = name == NULL ? NULL :
		catalog_module_task(child->catalog, name);

	if (task != NULL)
		child_run_module_task(child, task);
	else
		child_run_unknown(child, name != NULL ? name : child->delivery->name.data);
	free(name);
}

static void
child_run(Child *child)
{
	const char *name = child->delivery->name.data;
	const ModuleTask *task = catalog_module_task(child->catalog, name);
	const Program *program;

	if (!child_is_readable(child->delivery))
	{
		child_run_unreadable(child);
		return;
	}
	if (map_is(name))
	{
		child_run_map(child);
		return;
	}
	if (task != NULL)
	{
		int64_t		began = atomic_load(&child->page->started_at);

		child_run_module_task(child, task);
		*child_runtime_of(child, task) = child->now - began;
		return;
	}
	program = catalog_program(child->catalog, name);
	if (program != NULL)
		child_run_program(child, program);
	else
		child_run_unknown(child, name);
}

static bool
child_expects_short(Child *child, const char *name)
{
	const ModuleTask *task = catalog_module_task(child->catalog, name);
	int64_t		runtime = task ? *child_runtime_of(child, task) : -1;

	return runtime >= 0 && runtime < CELERIAC_SHORT_USEC;
}

static void
child_take_delivery(Child *child, const Frame *frame)
{
	Delivery	delivery;

	if (!frame_get_delivery(frame, &delivery))
		_exit(EXIT_SYSTEM);
	child->delivery = &delivery;
	child->seq = frame->header.seq;

	if (child->oldest_report != 0 &&
		(child->now - child->oldest_report >= CHILD_REPORT_DELAY ||
		 !child_expects_short(child, delivery.name.data)))
		child_flush(child);

	if (page_begin(child->page, child->seq, child->now))
		child_run(child);
	else
	{
		frame_put_skipped(&child->frame, child->seq);
		child_send_frame(child);
	}
	child->delivery = NULL;
}

/* Handle every whole frame of the input. */
static void
child_take_input(Child *child)
{
	Frame		frame;

	child->now = clock_mono();
	child->wall_offset = clock_wall() - child->now;
	for (;;)
	{
		FrameResult result = frame_peek(buffer_head(&child->in),
										buffer_length(&child->in), &frame);

		if (result == FRAME_INCOMPLETE)
			return;
		if (result == FRAME_BROKEN || frame.header.kind != FRAME_DELIVERY)
			_exit(EXIT_SYSTEM);
		child_take_delivery(child, &frame);
		buffer_consume(&child->in, frame.header.length);
	}
}

void
child_main(int socket, Page *page, const Catalog *catalog)
{
	size_t		ntasks = module_task_count(catalog->modules);
	Child		child = {
		.socket = socket,
		.page = page,
		.catalog = catalog,
		.last_runtime = mem_alloc(ntasks * sizeof(int64_t)),
	};

	for (size_t i = 0; i < ntasks; i++)
		child.last_runtime[i] = -1;

	while (buffer_read(&child.in, socket, CHILD_READ_SIZE) > 0)
	{
		child_take_input(&child);
		child_flush(&child);
	}
	/* the supervisor closed the socket: it wants no more of us */
	_exit(EXIT_OK);
}
