/*
 * namelist.h
 *		Settings that hold names: refused when they are set, or else split.
 */
#ifndef CELERIAC_BASE_NAMELIST_H
#define CELERIAC_BASE_NAMELIST_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/guc.h"

/* of char *, in the current context: what a setting that was checked lists */
extern List *celeriac_queue_list(const char *setting);
extern List *celeriac_module_list(const char *setting);

extern bool celeriac_check_queue_list(char **newval, void **extra, GucSource source);
extern bool celeriac_check_module_list(char **newval, void **extra, GucSource source);
extern bool celeriac_check_queue_setting(char **newval, void **extra, GucSource source);

#endif							/* CELERIAC_BASE_NAMELIST_H */
