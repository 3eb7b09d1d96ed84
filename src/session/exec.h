/*
 * exec.h
 *		Statements, prepared once and run with a fresh snapshot.
 */
#ifndef CELERIAC_SESSION_EXEC_H
#define CELERIAC_SESSION_EXEC_H

#include "base/names.h"

#include "session/statement.h"

extern void celeriac_exec_init(void);

/*
 * Run a prepared statement with a fresh snapshot (newer than the caller's,
 * whatever the isolation level).  Returns SPI_processed; rows in
 * SPI_tuptable.
 */
extern uint64 celeriac_exec(CelStatement statement, Datum *values,
							const char *nulls);

#endif							/* CELERIAC_SESSION_EXEC_H */
