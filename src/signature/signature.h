/*
 * signature.h
 *		Celery's signature: a task to be sent later, as JSON.
 */
#ifndef CELERIAC_SIGNATURE_SIGNATURE_H
#define CELERIAC_SIGNATURE_SIGNATURE_H

#include "base/names.h"

#include "utils/jsonb.h"

/* raises celeriac_invalid_argument unless the document is a signature */
extern void celeriac_signature_require(Jsonb *document);

#endif							/* CELERIAC_SIGNATURE_SIGNATURE_H */
