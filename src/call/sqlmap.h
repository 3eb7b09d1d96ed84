/*
 * sqlmap.h
 *		celeriac.map and celeriac.starmap: a SQL task, called once for each of
 *		many items.
 */
#ifndef CELERIAC_CALL_SQLMAP_H
#define CELERIAC_CALL_SQLMAP_H

#include "base/names.h"

#include "utils/jsonb.h"

#include "base/delivery.h"

/* as celeriac_sqltask_call, whatever the delivery is; its function is there */
extern Jsonb *celeriac_sqlmap_call(const Delivery *delivery);

#endif							/* CELERIAC_CALL_SQLMAP_H */
