/*
 * hooks.h
 *		Commands of others that concern us.
 */
#ifndef CELERIAC_PROCESS_HOOKS_H
#define CELERIAC_PROCESS_HOOKS_H

#include "base/names.h"

extern void celeriac_hooks_init(void);

#endif							/* CELERIAC_PROCESS_HOOKS_H */
