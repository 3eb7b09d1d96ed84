/*
 * death.h
 *		What becomes of the task that a child died with.
 */
#ifndef CELERIAC_WORKER_POOL_DEATH_H
#define CELERIAC_WORKER_POOL_DEATH_H

#include "pool/slot.h"

#define DEATH_HOW_SIZE		80
#define DEATH_MESSAGE_SIZE	160

/* "signal 9 (Killed)", of the status that waitpid() returned */
extern void death_describe(int status, char how[DEATH_HOW_SIZE]);

extern void death_log(const Slot *slot, const char *how, bool expected);

/* The report's texts may point into message. */
extern Report death_report(const Slot *slot, const Job *job, const char *how, char message[DEATH_MESSAGE_SIZE]);

#endif							/* CELERIAC_WORKER_POOL_DEATH_H */
