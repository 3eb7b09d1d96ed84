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

typedef struct DeliveryRow
{
	Datum		values[DELIVERY_COLUMN_COUNT];
	bool		nulls[DELIVERY_COLUMN_COUNT];
} DeliveryRow;

static void
set_column(DeliveryRow *row, DeliveryAttribute number, Datum value, bool isnull)
{
	row->values[number - 1] = value;
	row->nulls[number - 1] = isnull;
}

static void
set_time(DeliveryRow *row, DeliveryAttribute number, TimestampTz when)
{
	set_column(row, number, TimestampTzGetDatum(when), when == 0);
}

static void
form_delivery(const Delivery *d, DeliveryRow *row)
{
	set_column(row, Anum_delivery_id, UUIDPGetDatum(&d->id), false);
	set_column(row, Anum_delivery_name, CStringGetTextDatum(d->name), false);
	set_column(row, Anum_delivery_args, JsonbPGetDatum(d->args), false);
	set_column(row, Anum_delivery_kwargs, JsonbPGetDatum(d->kwargs), false);
	set_column(row, Anum_delivery_queue, CStringGetTextDatum(d->queue), false);
	set_column(row, Anum_delivery_priority, Int32GetDatum(d->priority), false);
	set_column(row, Anum_delivery_retries, Int32GetDatum(d->retries), false);
	set_column(row, Anum_delivery_max_retries, Int32GetDatum(d->max_retries),
			   d->max_retries == CELERIAC_NO_LIMIT);
	set_column(row, Anum_delivery_delivery, Int32GetDatum(d->delivery), false);
	set_time(row, Anum_delivery_eta, d->eta);
	set_time(row, Anum_delivery_expires, d->expires);
	set_column(row, Anum_delivery_root_id,
			   UUIDPGetDatum(d->has_root ? &d->root_id : &d->id), false);
	set_column(row, Anum_delivery_parent_id, UUIDPGetDatum(&d->parent_id), !d->has_parent);
	set_column(row, Anum_delivery_group_id, UUIDPGetDatum(&d->group_id), !d->has_group);
	set_column(row, Anum_delivery_options, JsonbPGetDatum(d->options), d->options == NULL);
}

void
celeriac_put_delivery(ReturnSetInfo *rsinfo, const Delivery *d)
{
	DeliveryRow row;

	form_delivery(d, &row);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row.values, row.nulls);
}

Datum
celeriac_delivery_datum(const Delivery *d)
{
	DeliveryRow row;
	TupleDesc	desc = lookup_rowtype_tupdesc_copy(CelExt.delivery_type, -1);

	form_delivery(d, &row);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row.values, row.nulls));
}
