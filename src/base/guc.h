/*
 * guc.h
 *		The settings, celeriac.*: one table in guc.c.
 */
#ifndef CELERIAC_BASE_GUC_H
#define CELERIAC_BASE_GUC_H

#include "base/names.h"

extern int	celeriac_executors;
extern char *celeriac_queues;
extern char *celeriac_default_queue;
extern char *celeriac_modules;
extern bool celeriac_allow_error_cb_on_chord_header;
extern int	celeriac_result_expires;	/* seconds; 0 = never */
extern int	celeriac_max_claims;
extern int	celeriac_max_workers;
extern int	celeriac_max_databases;
extern int	celeriac_max_queues;
extern int	celeriac_attach_grace;	/* ms */
extern int	celeriac_executor_idle_timeout; /* ms */

extern void celeriac_guc_init(void);

#endif							/* CELERIAC_BASE_GUC_H */
