/*
 * cmodule.h
 *		C task modules inside executors (celeriac.modules).
 */
#ifndef CELERIAC_EXECUTOR_CMODULE_H
#define CELERIAC_EXECUTOR_CMODULE_H

#include "base/names.h"

#include "base/delivery.h"

struct ModuleTask;

/* what a task left behind, as JSON; NULL = nothing */
typedef struct ModuleText
{
	char	   *result;
	char	   *sent;
} ModuleText;

/* load what the setting names; what does not load is logged and left out */
extern void celeriac_cmodule_load(void);
extern const struct ModuleTask *celeriac_cmodule_find(const char *name);

/*
 * Run it, outside any transaction.  What it left behind is palloc'd and not yet
 * looked at: that is celeriac_cmodule_accept()'s, which raises an error when it
 * is no valid text or JSON.
 */
extern void celeriac_cmodule_run(const struct ModuleTask *task,
								 const Delivery *delivery, Outcome *outcome,
								 ModuleText *text);
extern void celeriac_cmodule_accept(Outcome *outcome, const ModuleText *text);

#endif							/* CELERIAC_EXECUTOR_CMODULE_H */
