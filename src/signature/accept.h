/*
 * accept.h
 *		Signatures that may be sent: where documents come in.
 */
#ifndef CELERIAC_SIGNATURE_ACCEPT_H
#define CELERIAC_SIGNATURE_ACCEPT_H

#include "base/names.h"

#include "utils/array.h"
#include "utils/jsonb.h"

#include "signature/tree.h"

/* raises celeriac_invalid_argument unless the document is a signature */
extern Canvas *celeriac_canvas_parse(Jsonb *document);

/* raises unless each of task_signature[] can be sent */
extern void celeriac_callbacks_require(ArrayType *signatures);

#endif							/* CELERIAC_SIGNATURE_ACCEPT_H */
