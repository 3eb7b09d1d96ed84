/*
 * launcher.h
 *		The one background worker per cluster that keeps a coordinator in every
 *		database that has the extension.
 */
#ifndef CELERIAC_PROCESS_LAUNCHER_H
#define CELERIAC_PROCESS_LAUNCHER_H

#include "base/names.h"

extern void celeriac_launcher_init(void);

#endif							/* CELERIAC_PROCESS_LAUNCHER_H */
