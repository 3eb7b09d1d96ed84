/*
 * bgw.h
 *		What all our background workers do alike.
 */
#ifndef CELERIAC_PROCESS_BGW_H
#define CELERIAC_PROCESS_BGW_H

#include "base/names.h"

#define CELERIAC_BGW_FLAGS \
	(BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION)

/*
 * First thing in a worker's main function: signal handlers, entry in the table
 * of processes.  Does not return when the worker is no longer wanted.
 * SIGTERM stops the worker at its next CHECK_FOR_INTERRUPTS, or between two
 * rounds of its loop; a worker may install another handler afterwards.
 */
extern void celeriac_bgw_start(void);

/* connect, with settings no database or role may change under us */
extern void celeriac_bgw_connect(Oid dboid);

/* a transaction with a snapshot; the activity is for pg_stat_activity */
extern void celeriac_bgw_begin(const char *activity);
extern void celeriac_bgw_commit(void);

/* in PG_CATCH: report the error at LOG, abort whatever is open, go on */
extern void celeriac_bgw_recover(void);

extern bool celeriac_bgw_stopping(void);

/*
 * Call work again and again until asked to stop; work returns how long to sleep.
 * An error in work is reported, and work is called again after a growing pause.
 * Each call has a memory context of its own.
 */
extern void celeriac_bgw_loop(long (*work) (void));

/* A duty's transaction: begin, work, commit. Returns when it is due again. */
typedef TimestampTz (*DutyFunction) (void);

extern TimestampTz celeriac_bgw_in_transaction(const char *activity,
											   DutyFunction duty);

#endif							/* CELERIAC_PROCESS_BGW_H */
