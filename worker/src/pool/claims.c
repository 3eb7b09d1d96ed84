/*
 * claims.c
 *		The tasks that a worker names when it attaches.
 */
#include "pool/claims.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/wire.h"

void
claims_reset(Claims *claims)
{
	claims->count = 0;
	buffer_consume(&claims->id_fields, buffer_length(&claims->id_fields));
	buffer_consume(&claims->delivery_fields,
				   buffer_length(&claims->delivery_fields));
}

void
claims_add(Claims *claims, const Uuid *id, int32_t delivery)
{
	wire_put_uuid_field(&claims->id_fields, id);
	wire_put_int32_field(&claims->delivery_fields, delivery);
	if (claims->count == claims->size)
	{
		claims->size = 2 * claims->size + 16;
		claims->ids = mem_realloc(claims->ids,
								  (size_t) claims->size * sizeof(Uuid));
	}
	claims->ids[claims->count++] = *id;
}

void
claims_free(Claims *claims)
{
	free(claims->ids);
	buffer_free(&claims->id_fields);
	buffer_free(&claims->delivery_fields);
}

static void
claims_put_array(Params *params, unsigned type, int count, const Buffer *fields)
{
	wire_put_array(&params->bytes, type, count);
	buffer_append(&params->bytes, buffer_head(fields), buffer_length(fields));
	params_end(params);
}

void
claims_put(const Claims *claims, Params *params)
{
	claims_put_array(params, WIRE_UUID, claims->count, &claims->id_fields);
	claims_put_array(params, WIRE_INT4, claims->count,
					 &claims->delivery_fields);
}

static int
claims_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(Uuid));
}

/* The ids of the result, in order; to be freed. */
static Uuid *
claims_read_granted(const PGresult *result, int max, int *count)
{
	Uuid	   *granted = mem_alloc((size_t) max * sizeof(Uuid));

	*count = 0;
	if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
		*count = wire_get_uuid_array(PQgetvalue(result, 0, 0),
									 (size_t) PQgetlength(result, 0, 0),
									 granted, max);
	if (*count > 0)
		qsort(granted, (size_t) *count, sizeof(Uuid), claims_compare);
	return granted;
}

int
claims_check(const Claims *claims, const PGresult *granted,
			 void (*lost) (void *data, const Uuid *id), void *data)
{
	int			ngranted;
	int			nlost = 0;
	Uuid	   *ids = claims_read_granted(granted, claims->count, &ngranted);

	for (int i = 0; i < claims->count; i++)
	{
		if (ngranted > 0 &&
			bsearch(&claims->ids[i], ids, (size_t) ngranted, sizeof(Uuid),
					claims_compare) != NULL)
			continue;
		nlost++;
		lost(data, &claims->ids[i]);
	}
	free(ids);
	return nlost;
}
