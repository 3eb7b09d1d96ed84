/*
 * calloption.h
 *		The options of a signature: what they may be, how they are merged.
 */
#ifndef CELERIAC_SIGNATURE_CALLOPTION_H
#define CELERIAC_SIGNATURE_CALLOPTION_H

#include "base/names.h"

#include "utils/jsonb.h"

/*
 * Checks all but the callbacks in them.  Returns them in one form: link and
 * link_error are arrays, Celery's stamped_headers and their values are the
 * object stamps.
 */
extern Jsonb *celeriac_call_options(Jsonb *options);

/* given wins, except over group_id and stamps; its nulls count for nothing */
extern Jsonb *celeriac_call_options_merge(Jsonb *options, Jsonb *given);

/* likewise, but its nulls take options away */
extern Jsonb *celeriac_call_options_set(Jsonb *options, Jsonb *given);

/* those that go with the task: no nulls, nothing that Celery adds for itself */
extern Jsonb *celeriac_call_options_clean(Jsonb *options);

#endif							/* CELERIAC_SIGNATURE_CALLOPTION_H */
