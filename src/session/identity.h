/*
 * identity.h
 *		Entering the extension: its schema and owner.
 *
 * Every SQL function of ours that touches the tables is bracketed by
 * celeriac_enter and celeriac_leave: between them the current user is the
 * extension's owner, search_path is the extension's schema, and SPI is
 * connected.  An ERROR in between is undone by the (sub)transaction's abort.
 */
#ifndef CELERIAC_SESSION_IDENTITY_H
#define CELERIAC_SESSION_IDENTITY_H

#include "base/names.h"

#include "fmgr.h"

#include "base/relation.h"

typedef struct CelExtension
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
} CelExtension;

typedef struct CelContext
{
	Oid			caller;			/* the role that called us */
	int			sec_context;
	int			path_level;
} CelContext;

extern CelExtension CelExt;

/* of messages or of results? */
extern bool celeriac_is_segment(Oid relid);

/* for background workers: false when this database has no celeriac */
extern bool celeriac_identify_by_name(void);

extern void celeriac_enter(CelContext *context, FunctionCallInfo fcinfo);
extern void celeriac_enter_worker(CelContext *context);
extern void celeriac_leave(CelContext *context);

#endif							/* CELERIAC_SESSION_IDENTITY_H */
