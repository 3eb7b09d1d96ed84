/*
 * identity.h
 *		Entering the extension: its schema and owner, its prepared statements.
 *
 * Every SQL function of ours that touches the tables is bracketed by
 * celeriac_enter and celeriac_leave: between them the current user is the
 * extension's owner, search_path is the extension's schema, and SPI is
 * connected.  An ERROR in between is undone by the (sub)transaction's abort.
 */
#ifndef CELERIAC_CATALOG_H
#define CELERIAC_CATALOG_H

#include "base/names.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/snapshot.h"

#include "shmem/segment.h"
#include "session/statement.h"

typedef struct CelCatalog
{
	Oid			namespace_oid;
	char		namespace_name[NAMEDATALEN];
	Oid			owner;
	Oid			messages[CEL_MESSAGE_SEGMENTS]; /* relations, by segment */
	Oid			results[CEL_RESULT_SEGMENTS];
	Oid			queue;
	Oid			definition;
	Oid			edge;
	Oid			ready_seq;
	Oid			delivery_type;	/* composite types */
	Oid			outcome_type;
	uint64		generation;		/* changes with the extension's identity */
} CelCatalog;

typedef struct CelContext
{
	Oid			caller;			/* the role that called us */
	int			sec_context;
	int			path_level;
} CelContext;

extern CelCatalog CelCat;

extern void celeriac_catalog_init(void);

/* of messages or of results? */
extern bool celeriac_is_segment(Oid relid);

/* Identify the extension from a function of it, or by name in a worker. */
extern void celeriac_catalog_use(FunctionCallInfo fcinfo);
extern bool celeriac_catalog_lookup(void);

extern void celeriac_enter(CelContext *context, FunctionCallInfo fcinfo);
extern void celeriac_enter_worker(CelContext *context);
extern void celeriac_leave(CelContext *context);

/*
 * Run a prepared statement with a fresh snapshot (newer than the caller's,
 * whatever the isolation level).  Returns SPI_processed; rows in
 * SPI_tuptable.
 */
extern uint64 celeriac_exec(CelStatement statement, Datum *values,
							const char *nulls);

/* rights of the calling role */
extern bool celeriac_sees_all(Oid role);	/* monitor, admin, superuser */
extern bool celeriac_is_admin(Oid role);
extern bool celeriac_is_worker(Oid role);
extern char *celeriac_role_name(Oid role);

#endif							/* CELERIAC_CATALOG_H */
