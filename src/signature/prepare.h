/*
 * prepare.h
 *		A canvas made ready to be sent.
 *
 * What celeriac_canvas_prepare returns is simpler than what signatures may say:
 *
 *	- a task: also map and starmap, as tasks celeriac.map and celeriac.starmap;
 *	  defined_by names the task whose definition says queue, limits and retries;
 *	- a chain: of at least two; none of them is a chain, and a group is the last
 *	  if it is there at all (what a group has behind it is a chord);
 *	- a group: any number of tasks, chains and chords; also groups, but only
 *	  those whose list stays a list in the outer one's;
 *	- a chord: header is such a group, perhaps empty; body is any of the four.
 *
 * Everything that options, partial arguments, links and errbacks of chains,
 * groups and chords mean for the tasks in them has been handed down to the
 * tasks.  Only tasks have options; a task's are those of its signature without
 * nulls, task_id, and what Celery writes for itself (group_id, reply_to, ...).
 * They still hold those that say where and when: queue, priority, countdown,
 * eta, expires, max_retries.  Ids that the sender asked for are in id: of tasks,
 * of groups, and of a chord's header (the id of a chord is that of its body);
 * no id is there twice.
 */
#ifndef CELERIAC_SIGNATURE_PREPARE_H
#define CELERIAC_SIGNATURE_PREPARE_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "signature/tree.h"

/*
 * With these partial arguments and options, as Celery's apply_async: each may
 * be NULL.  Changes the tree and returns its new root; raises
 * celeriac_invalid_argument for what cannot be sent (an empty chain, ...).
 */
extern Canvas *celeriac_canvas_prepare(Canvas *canvas, Jsonb *args, Jsonb *kwargs,
									   Jsonb *options);

/* the only member of a group that has one, else the group; one level, as Celery */
extern Canvas *celeriac_canvas_unroll(Canvas *group);

/* the steps of a chain, to which its links, errbacks and options have gone */
extern List *celeriac_canvas_unchain(Canvas *chain);

#endif							/* CELERIAC_SIGNATURE_PREPARE_H */
