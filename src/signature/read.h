/*
 * read.h
 *		Signatures read from jsonb, as trees.
 */
#ifndef CELERIAC_SIGNATURE_READ_H
#define CELERIAC_SIGNATURE_READ_H

#include "base/names.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "signature/tree.h"

/*
 * Raises celeriac_invalid_argument unless the document has the form of a
 * signature.  Callbacks have not been looked at, and the header of a chord may
 * still be a chain: accept.h reads what is to be sent.
 */
extern Canvas *celeriac_canvas_read(Jsonb *document);

/* an array of them; what says of what in messages */
extern List *celeriac_canvas_read_list(const JsonbValue *list, const char *what,
									   int depth);

#endif							/* CELERIAC_SIGNATURE_READ_H */
