/*
 * exitcode.h
 *		What the exit status of `celeriac` says.
 */
#ifndef CELERIAC_WORKER_BASE_EXITCODE_H
#define CELERIAC_WORKER_BASE_EXITCODE_H

typedef enum ExitCode
{
	EXIT_OK = 0,				/* done; a worker: warm shutdown */
	EXIT_COLD = 1,				/* a worker: cold shutdown */
	EXIT_USAGE = 2,				/* the command line makes no sense */
	EXIT_MODULE = 3,			/* a task module cannot be loaded */
	EXIT_DATABASE = 4,			/* the server refuses us for good */
	EXIT_SYSTEM = 5,			/* the system refused something vital */
	EXIT_OUT_OF_MEMORY = 6
} ExitCode;

#endif							/* CELERIAC_WORKER_BASE_EXITCODE_H */
