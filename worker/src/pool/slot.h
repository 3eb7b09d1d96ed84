/*
 * slot.h
 *		A place for a child: its process, its socket, its page, what it was given.
 */
#ifndef CELERIAC_WORKER_POOL_SLOT_H
#define CELERIAC_WORKER_POOL_SLOT_H

#include <sys/types.h>

#include "pool/child.h"
#include "pool/job.h"

/* why we killed a child: what its task is reported as */
typedef enum SlotVerdict
{
	VERDICT_NONE,				/* we did not: it crashed */
	VERDICT_TIME_LIMIT,
	VERDICT_TERMINATED,
	VERDICT_HANDED_BACK
} SlotVerdict;

typedef struct Slot
{
	char		name[24];
	pid_t		pid;			/* 0 = no child now */
	int			fd;
	Page	   *page;
	Buffer		in;
	Buffer		out;
	JobList		jobs;			/* given, not reported; in order of seq */
	uint32_t	last_seq;		/* of the last job given to this child */
	double		stacked;		/* expected runtime of jobs, microseconds */
	uint32_t	recalled_to;	/* awaiting FRAME_SKIPPED of this; 0 = not */
	bool		retiring;		/* gets no more jobs */
	bool		dead;			/* reaped: its pid may be somebody else's now */
	SlotVerdict verdict;		/* set when we signalled it to die */
	int64_t		kill_at;		/* then SIGKILL */
	int64_t		respawn_at;		/* while pid is 0 */
} Slot;

extern void slot_init(Slot *slot, int number);

/* What a new child needs. */
typedef struct SlotStart
{
	pid_t		supervisor;
	const Catalog *catalog;
	/* in the child: close what is not its own */
	void		(*in_child) (void *data, const Slot *slot);
	void	   *data;
} SlotStart;

/* False when the system cannot: errno. */
extern bool slot_spawn(Slot *slot, const SlotStart *start);

/* The child is gone, and so is all that was its own. */
extern void slot_bury(Slot *slot);

extern bool slot_can_take(const Slot *slot, const Job *job);

/* Give it a job; it may begin those given up to now when they are sent. */
extern void slot_give(Slot *slot, Job *job);
extern void slot_send(Slot *slot);

/* Write what fits; poll() tells when the rest does. */
extern void slot_write(Slot *slot);

/*
 * The child may begin nothing more: takes back what it has not begun.  It gets
 * new jobs when it has said that it skipped the last one taken back, so the two
 * generations cannot mix.
 */
extern void slot_recall(Slot *slot, JobList *taken);

/* Take the jobs behind the last one begun. */
extern void slot_take_back(Slot *slot, uint32_t begun, JobList *taken);

/* Read what the child says; what it kept in its page as well. */
typedef void (*SlotFrame) (void *data, Slot *slot, const Frame *frame);
extern void slot_read(Slot *slot, SlotFrame take, void *data);
extern void slot_read_page(Slot *slot, SlotFrame take, void *data);

/* Signal it to end; should it not, kill_at is when to be rude. */
extern void slot_doom(Slot *slot, SlotVerdict verdict, int signo);

/* Be rude when it is time; returns when to come again. */
extern int64_t slot_insist(Slot *slot, int64_t now);

#endif							/* CELERIAC_WORKER_POOL_SLOT_H */
