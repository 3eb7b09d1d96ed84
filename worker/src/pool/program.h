/*
 * program.h
 *		Tasks that are programs: JSON on stdin, JSON on stdout.
 */
#ifndef CELERIAC_WORKER_POOL_PROGRAM_H
#define CELERIAC_WORKER_POOL_PROGRAM_H

#include "pool/frame.h"
#include "pool/page.h"

typedef struct Program
{
	char	   *name;			/* of the task */
	char	   *command;		/* for /bin/sh -c */
} Program;

/* What a program left behind; the report's texts point into it. */
typedef struct ProgramRun
{
	Buffer		input;			/* for its stdin */
	Buffer		output;			/* its stdout */
	Buffer		errors;			/* the tail of its stderr */
	char		message[256];
} ProgramRun;

/*
 * Run the program for a delivery in a process group of its own and fill in the
 * report.  In a child, which must have SIGUSR1 (the soft limit) caught.
 */
extern void program_run(const Program *program, const Delivery *delivery,
						uint32_t seq, Page *page, ProgramRun *run,
						Report *report);

extern void program_run_free(ProgramRun *run);

#endif							/* CELERIAC_WORKER_POOL_PROGRAM_H */
