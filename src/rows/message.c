/*
 * message.c
 *		Rows of task_message as structs, and deliveries as SQL rows.
 */
#include "rows/message.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/delivery.h"
#include "base/json.h"
#include "base/relation.h"
#include "base/row.h"
#include "session/definition.h"
#include "session/identity.h"

#define DELIVERY_COLUMNS 15

static bool
copy_uuid(const Row *row, int number, pg_uuid_t *id)
{
	pg_uuid_t  *value = celeriac_row_uuid(row, number);

	if (value != NULL)
		*id = *value;
	return value != NULL;
}

static char *
shared_text(const Row *row, int number, char **last)
{
	bool		isnull;
	text	   *value = DatumGetTextPP(celeriac_row_datum(row, number, &isnull));
	Size		length = VARSIZE_ANY_EXHDR(value);

	if (*last == NULL || strlen(*last) != length ||
		memcmp(*last, VARDATA_ANY(value), length) != 0)
		*last = text_to_cstring(value);
	return *last;
}

void
celeriac_row_delivery(const Row *row, DeliveryTexts *texts, Delivery *d)
{
	memset(d, 0, sizeof(*d));
	(void) copy_uuid(row, Anum_message_id, &d->id);
	d->name = shared_text(row, Anum_message_name, &texts->name);
	d->args = celeriac_row_jsonb(row, Anum_message_args);
	d->kwargs = celeriac_row_jsonb(row, Anum_message_kwargs);
	d->queue = shared_text(row, Anum_message_queue, &texts->queue);
	d->priority = celeriac_row_int32(row, Anum_message_priority, 0);
	d->ready = celeriac_row_int64(row, Anum_message_ready, 0);
	d->retries = celeriac_row_int32(row, Anum_message_retries, 0);
	d->max_retries = celeriac_row_int32(row, Anum_message_max_retries, CELERIAC_NO_LIMIT);
	d->delivery = celeriac_row_int32(row, Anum_message_deliveries, 0);
	d->eta = celeriac_row_int64(row, Anum_message_eta, 0);
	d->expires = celeriac_row_int64(row, Anum_message_expires, 0);
	d->has_root = copy_uuid(row, Anum_message_root_id, &d->root_id);
	d->has_parent = copy_uuid(row, Anum_message_parent_id, &d->parent_id);
	d->has_group = copy_uuid(row, Anum_message_group_id, &d->group_id);
	d->options = celeriac_row_jsonb(row, Anum_message_options);
	d->sent_by = shared_text(row, Anum_message_sent_by, &texts->sent_by);
}

void
celeriac_read_delivery(SPITupleTable *table, uint64 number, Delivery *d)
{
	/* users may have added columns */
	Datum		values[MaxHeapAttributeNumber];
	bool		nulls[MaxHeapAttributeNumber];
	Row			row = {.values = values, .nulls = nulls};
	DeliveryTexts texts = {0};

	heap_deform_tuple(table->vals[number], table->tupdesc, values, nulls);
	celeriac_row_delivery(&row, &texts, d);
}

static void
merge_limits(Delivery *d, const Definition *def)
{
	OptionsBuilder limits = {0};
	bool		own_soft = celeriac_option_number(d->options, "soft_time_limit",
												  &d->soft_time_limit);
	bool		own_hard = celeriac_option_number(d->options, "time_limit", &d->time_limit);

	if (!own_soft && def->soft_time_limit > 0)
	{
		d->soft_time_limit = def->soft_time_limit;
		celeriac_options_number(&limits, "soft_time_limit", d->soft_time_limit);
	}
	if (!own_hard && def->time_limit > 0)
	{
		d->time_limit = def->time_limit;
		celeriac_options_number(&limits, "time_limit", d->time_limit);
	}
	if (!limits.any)
		return;
	if (d->options == NULL)
		d->options = celeriac_options_done(&limits);
	else
		d->options = DatumGetJsonbP(DirectFunctionCall2(jsonb_concat,
														JsonbPGetDatum(d->options),
														JsonbPGetDatum(celeriac_options_done(&limits))));
}

void
celeriac_delivery_define(Delivery *d)
{
	const Definition *def = celeriac_definition_of(d);

	d->function = def->known ? def->function : InvalidOid;
	merge_limits(d, def);
}

bool
celeriac_acks_early(const Delivery *d)
{
	bool		late;

	return celeriac_option_bool(d->options, "acks_late", &late) && !late;
}

/* In the order of the type task_delivery. */
static void
form_delivery(const Delivery *d, Datum *values, bool *nulls)
{
	memset(nulls, 0, DELIVERY_COLUMNS * sizeof(bool));
	values[0] = UUIDPGetDatum(&d->id);
	values[1] = CStringGetTextDatum(d->name);
	values[2] = JsonbPGetDatum(d->args);
	values[3] = JsonbPGetDatum(d->kwargs);
	values[4] = CStringGetTextDatum(d->queue);
	values[5] = Int32GetDatum(d->priority);
	values[6] = Int32GetDatum(d->retries);
	values[7] = Int32GetDatum(d->max_retries);
	nulls[7] = (d->max_retries == CELERIAC_NO_LIMIT);
	values[8] = Int32GetDatum(d->delivery);
	values[9] = TimestampTzGetDatum(d->eta);
	nulls[9] = (d->eta == 0);
	values[10] = TimestampTzGetDatum(d->expires);
	nulls[10] = (d->expires == 0);
	values[11] = UUIDPGetDatum(d->has_root ? &d->root_id : &d->id);
	values[12] = UUIDPGetDatum(&d->parent_id);
	nulls[12] = !d->has_parent;
	values[13] = UUIDPGetDatum(&d->group_id);
	nulls[13] = !d->has_group;
	values[14] = JsonbPGetDatum(d->options);
	nulls[14] = (d->options == NULL);
}

void
celeriac_put_delivery(ReturnSetInfo *rsinfo, const Delivery *d)
{
	Datum		values[DELIVERY_COLUMNS];
	bool		nulls[DELIVERY_COLUMNS];

	form_delivery(d, values, nulls);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
celeriac_delivery_datum(const Delivery *d)
{
	Datum		values[DELIVERY_COLUMNS];
	bool		nulls[DELIVERY_COLUMNS];
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(CelExt.delivery_type, -1);

	form_delivery(d, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}
