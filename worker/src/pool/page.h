/*
 * page.h
 *		The memory a child shares with its supervisor.
 *
 * It says which task the child is running right now, so that time limits,
 * "started" reports, revoking and the accounting after a crash need no
 * messages, and it keeps finished reports that were not sent yet, so that the
 * task that crashes a child cannot take its predecessors' outcomes with it.
 *
 * Who writes what: the child writes started_at, program, the reports and,
 * by page_begin(), the current task.  The supervisor writes soft_limit_seq,
 * revoked_seq and, by page_allow() and page_recall(), the limit.  Current and
 * limit share one atomic word: whether a task was begun before it was recalled
 * has exactly one answer.
 */
#ifndef CELERIAC_WORKER_POOL_PAGE_H
#define CELERIAC_WORKER_POOL_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

#define PAGE_REPORTS_SIZE	(32 * 1024)

typedef struct Page
{
	_Atomic uint64_t progress;	/* limit << 32 | current, see above */
	_Atomic int64_t started_at; /* clock_mono() when current began */
	_Atomic uint32_t soft_limit_seq;	/* this task's soft limit is over */
	_Atomic uint32_t revoked_seq;	/* this task was revoked */
	_Atomic int32_t program;	/* process group of a running program, or 0 */
	_Atomic uint32_t flushes;	/* how often reports was emptied */
	_Atomic uint32_t reports_length;	/* whole frames in reports */
	char		reports[PAGE_REPORTS_SIZE];
} Page;

/* NULL with errno when the system has none. */
extern Page *page_new(void);
extern void page_free(Page *page);

/* Child: begin task seq, unless it was recalled. */
extern bool page_begin(Page *page, uint32_t seq, int64_t now);

/* Supervisor: the child may begin tasks up to limit. */
extern void page_allow(Page *page, uint32_t limit);

/* Supervisor: it may begin no more; returns the last one it began. */
extern uint32_t page_recall(Page *page);

/* The last task begun; 0 = none. */
extern uint32_t page_current(Page *page);

/* Child: keep a frame; false when there is no room for it. */
extern bool page_keep_report(Page *page, const char *frame, size_t length);

/* Child: they have been written to the socket. */
extern void page_forget_reports(Page *page);

/*
 * Supervisor: add the kept frames to a buffer.  The same frames may come
 * through the socket as well; their numbers tell.
 */
extern void page_copy_reports(Page *page, Buffer *out);

#endif							/* CELERIAC_WORKER_POOL_PAGE_H */
