/*
 * print.h
 *		Signatures as jsonb.
 */
#ifndef CELERIAC_SIGNATURE_PRINT_H
#define CELERIAC_SIGNATURE_PRINT_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "signature/tree.h"

extern Jsonb *celeriac_canvas_jsonb(const Canvas *canvas);

#endif							/* CELERIAC_SIGNATURE_PRINT_H */
