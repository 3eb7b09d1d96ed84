/*
 * names.h
 *		What every part of the extension shares: names, limits, start-up.
 *
 * A part is one .c with one .h.  _PG_init calls the init of each in the order
 * written in init.c; nothing else registers hooks or settings.
 */
#ifndef CELERIAC_BASE_NAMES_H
#define CELERIAC_BASE_NAMES_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "sdk/shared.h"

/* A queue's name fits a Name, a worker's or task's name twice that. */
#define CELERIAC_QUEUE_LEN	NAMEDATALEN
#define CELERIAC_NAME_LEN	(CELERIAC_NAME_MAX + 1)

#define CELERIAC_MAX_PRIORITY	255

/* Queues that one session serves, or waits for, at a time. */
#define CEL_MAX_WAIT_QUEUES 64

/* where SQL tasks go unless told otherwise */
#define CELERIAC_SERVER_QUEUE	"server"

#define CELERIAC_LIBRARY	"celeriac"

/* background workers, as pg_stat_activity.backend_type shows them */
#define CELERIAC_BGW_LAUNCHER		"celeriac launcher"
#define CELERIAC_BGW_COORDINATOR	"celeriac coordinator"
#define CELERIAC_BGW_EXECUTOR		"celeriac executor"

#define NEVER	DT_NOEND

#endif							/* CELERIAC_BASE_NAMES_H */
