/*
 * link.h
 *		Links and errbacks of any canvas: which tasks they come to hang on.
 *
 * Celery's rules.  They change the tree.
 */
#ifndef CELERIAC_SIGNATURE_LINK_H
#define CELERIAC_SIGNATURE_LINK_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "signature/tree.h"

extern void celeriac_canvas_link(Canvas *canvas, Jsonb *callback);
extern void celeriac_canvas_link_error(Canvas *canvas, Jsonb *errback);

/* each of an array of them; NULL = none */
extern void celeriac_canvas_link_all(Canvas *canvas, Jsonb *callbacks);
extern void celeriac_canvas_link_error_all(Canvas *canvas, Jsonb *errbacks);

/* a group's members; of a chord the header only */
extern void celeriac_canvas_set_immutable(Canvas *canvas, bool immutable);

/* Take an option away, and return what it was; NULL if it was not there. */
extern Jsonb *celeriac_canvas_take_option(Canvas *canvas, const char *key);

#endif							/* CELERIAC_SIGNATURE_LINK_H */
