/*
 * store.c
 *		Inserting messages and results without SQL.
 *
 * Rows go to the table and its indexes as COPY puts them there: many in one
 * call, one WAL record for a page.  No statement is planned or started for
 * them, and no trigger is called: what ours would do is done here (change.c).
 *
 * What the executor needs to maintain the indexes is made once per backend
 * and segment, and again after anything about the table or an index of it has
 * changed.  That is safe from one transaction to the next, for
 *
 * - the lock on the table comes first, and brings every change that was
 *	 committed before; a change of indexes that comes later waits for us;
 * - it is all in a memory context of the store, and made of copies;
 * - no relation stays open between two calls, and what an index remembers of
 *	 one call (ii_AmCache) is forgotten before the next.
 */
#include "rows/store.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "base/compat.h"
#include "base/relation.h"
#include "base/row.h"
#include "rows/change.h"
#include "session/identity.h"
#include "shmem/database.h"
#include "shmem/segment.h"
#include "shmem/shmem.h"

#define STORE_BATCH		256

/* the trigger of ours that such an insert stands for */
#define STATE_TRIGGER	"celeriac_state"

struct Store
{
	/* messages or results */
	int			natts;
	void		(*stored) (const Row *row);

	/* the segment it was made for */
	Oid			relid;			/* InvalidOid = none */
	bool		made;			/* all of it: an error may have come between */
	MemoryContext context;
	MemoryContext call_context; /* in it: what indexes remember of a call */
	EState	   *estate;
	ResultRelInfo *info;
	Oid		   *indexes;
	TupleDesc	desc;
	TupleTableSlot *slots[STORE_BATCH]; /* made when first used */

	/* while it is open */
	CelSegments *segments;		/* NULL = it is segment 0 by choice */
	int			count;
};

static Store messages = {MESSAGE_COLUMN_COUNT, celeriac_message_stored};
static Store results = {RESULT_COLUMN_COUNT, celeriac_result_stored};
static Store parked_messages = {MESSAGE_COLUMN_COUNT, celeriac_message_stored};
static Store parked_results = {RESULT_COLUMN_COUNT, celeriac_result_stored};
static Store *const stores[] = {&messages, &results, &parked_messages, &parked_results};

/* Nobody has added to the tables what only SQL would see to; 0 = look. */
static uint64 plain_generation = 0;
static bool tables_are_plain = false;

/* While the store is being made, any relation may be one of its indexes. */
static bool
is_made_of(const Store *store, Oid relid)
{
	if (!store->made || store->relid == relid)
		return true;
	for (int i = 0; i < store->info->ri_NumIndices; i++)
	{
		if (store->indexes[i] == relid)
			return true;
	}
	return false;
}

/* The table is not told of each change of an index, so both are looked for. */
static void
relation_changed(Datum arg, Oid relid)
{
	for (int i = 0; i < lengthof(stores); i++)
	{
		if (!OidIsValid(relid) || is_made_of(stores[i], relid))
			stores[i]->relid = InvalidOid;
	}
	if (!OidIsValid(relid) || celeriac_is_segment(relid))
		plain_generation = 0;
}

void
celeriac_store_init(void)
{
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

static bool
only_our_trigger(const TriggerDesc *triggers)
{
	return triggers != NULL && triggers->numtriggers == 1 &&
		strcmp(triggers->triggers[0].tgname, STATE_TRIGGER) == 0 &&
		triggers->triggers[0].tgenabled == TRIGGER_FIRES_ON_ORIGIN;
}

static bool
is_plain(Oid relid, int natts)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	bool		plain = desc->natts == natts && desc->constr->num_check == 0 &&
		only_our_trigger(rel->trigdesc) && rel->rd_rules == NULL &&
		!rel->rd_rel->relrowsecurity;

	table_close(rel, AccessShareLock);
	return plain;
}

static bool
look_whether_plain(void)
{
	for (int i = 0; i < CEL_MESSAGE_SEGMENTS; i++)
	{
		if (!is_plain(CelExt.messages[i], messages.natts))
			return false;
	}
	for (int i = 0; i < CEL_RESULT_SEGMENTS; i++)
	{
		if (!is_plain(CelExt.results[i], results.natts))
			return false;
	}
	return true;
}

/* The generation is noted first: what changes while we look makes it 0. */
bool
celeriac_store_plain(void)
{
	while (plain_generation != CelExt.generation)
	{
		plain_generation = CelExt.generation;
		tables_are_plain = look_whether_plain();
	}
	return tables_are_plain;
}

/*
 * What can be kept
 */
static void
note_indexes(Store *store)
{
	ResultRelInfo *info = store->info;

	store->indexes = palloc((info->ri_NumIndices + 1) * sizeof(Oid));
	for (int i = 0; i < info->ri_NumIndices; i++)
		store->indexes[i] = RelationGetRelid(info->ri_IndexRelationDescs[i]);
}

static void
new_context(Store *store)
{
	store->made = false;
	if (store->context != NULL)
		MemoryContextDelete(store->context);
	store->context = NULL;
	memset(store->slots, 0, sizeof(store->slots));
	store->context = AllocSetContextCreate(TopMemoryContext, "celeriac store",
										   ALLOCSET_DEFAULT_SIZES);
	store->call_context = AllocSetContextCreate(store->context, "celeriac store call",
												ALLOCSET_SMALL_SIZES);
}

/* It may refer to the relations of that call, which an error has closed. */
static void
forget_call(Store *store)
{
	for (int i = 0; i < store->info->ri_NumIndices; i++)
	{
		store->info->ri_IndexRelationInfo[i]->ii_AmCache = NULL;
		store->info->ri_IndexRelationInfo[i]->ii_Context = store->call_context;
	}
	MemoryContextReset(store->call_context);
}

/*
 * Leaves the indexes open.  The relation's OID is written first, so that a change
 * of the relation that becomes known meanwhile invalidates the store; made comes
 * last, since an error on the way (the wait for an index is cancelled) leaves
 * half of a store.
 */
static void
make(Store *store, Relation rel)
{
	MemoryContext caller;

	new_context(store);
	caller = MemoryContextSwitchTo(store->context);
	store->relid = RelationGetRelid(rel);
	store->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	store->estate = CreateExecutorState();
	store->info = makeNode(ResultRelInfo);
	InitResultRelInfo(store->info, rel, 0, NULL, 0);
	ExecOpenIndices(store->info, false);
	note_indexes(store);
	forget_call(store);
	store->made = true;
	MemoryContextSwitchTo(caller);
}

static void
reopen(Store *store, Relation rel)
{
	ResultRelInfo *info = store->info;

	info->ri_RelationDesc = rel;
	for (int i = 0; i < info->ri_NumIndices; i++)
		info->ri_IndexRelationDescs[i] = index_open(store->indexes[i], RowExclusiveLock);
	forget_call(store);
}

/* What an error left in the slots is let go of. */
static void
forget_rows(Store *store)
{
	for (int i = 0; i < store->count; i++)
		ExecClearTuple(store->slots[i]);
	store->count = 0;
}

/* The relation is locked and open. */
static Store *
open_store(Store *store, CelSegments *segments, Relation rel)
{
	if (!celeriac_store_plain())
	{
		table_close(rel, NoLock);
		return NULL;
	}
	PreventCommandIfReadOnly("INSERT");
	forget_rows(store);
	if (store->made && store->relid == RelationGetRelid(rel))
		reopen(store, rel);
	else
		make(store, rel);
	store->segments = segments;
	return store;
}

Store *
celeriac_store_messages(void)
{
	CelSegments *segments = &celeriac_my_database()->messages;

	return open_store(&messages, segments,
					  celeriac_segment_open(segments, CelExt.messages));
}

Store *
celeriac_store_results(void)
{
	CelSegments *segments = &celeriac_my_database()->results;

	return open_store(&results, segments,
					  celeriac_segment_open(segments, CelExt.results));
}

Store *
celeriac_store_parked_messages(void)
{
	return open_store(&parked_messages, NULL,
					  table_open(CelExt.messages[0], RowExclusiveLock));
}

Store *
celeriac_store_parked_results(void)
{
	return open_store(&parked_results, NULL,
					  table_open(CelExt.results[0], RowExclusiveLock));
}

/*
 * Rows
 */
void
celeriac_insert_rows(ResultRelInfo *info, EState *estate, TupleTableSlot **slots, int count)
{
	CommandId	cid = GetCurrentCommandId(true);
	MemoryContext caller;

	/* inserting many leaks into the current context */
	caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	if (count == 1)
		table_tuple_insert(info->ri_RelationDesc, slots[0], cid, 0, NULL);
	else
		table_multi_insert(info->ri_RelationDesc, slots, count, cid, 0, NULL);
	MemoryContextSwitchTo(caller);
	for (int i = 0; i < count; i++)
	{
		ResetPerTupleExprContext(estate);
		(void) celeriac_insert_index_tuples(info, slots[i], estate);
	}
}

static void
flush(Store *store)
{
	if (store->count == 0)
		return;
	celeriac_insert_rows(store->info, store->estate, store->slots, store->count);
	if (store->segments != NULL)
		celeriac_segment_added(store->segments, store->count);
	forget_rows(store);
}

static TupleTableSlot *
next_slot(Store *store)
{
	TupleTableSlot **slot;

	if (store->count == STORE_BATCH)
		flush(store);
	slot = &store->slots[store->count];
	if (*slot == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(store->context);

		*slot = MakeTupleTableSlot(store->desc, &TTSOpsHeapTuple);
		MemoryContextSwitchTo(caller);
	}
	store->count++;
	return *slot;
}

static void
fill_slot(Store *store, TupleTableSlot *slot, const Datum *values, const bool *nulls)
{
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, store->natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, store->natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
}

void
celeriac_store_put(Store *store, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot = next_slot(store);
	Row			row = {.values = slot->tts_values, .nulls = slot->tts_isnull};

	fill_slot(store, slot, values, nulls);
	store->stored(&row);
}

void
celeriac_store_copy(Store *store, TupleTableSlot *row)
{
	TupleTableSlot *slot = next_slot(store);

	slot_getallattrs(row);
	fill_slot(store, slot, row->tts_values, row->tts_isnull);
	ExecMaterializeSlot(slot);
}

/* What comes next in this transaction sees the rows. */
void
celeriac_store_close(Store *store)
{
	Relation	rel = store->info->ri_RelationDesc;

	flush(store);
	ExecCloseIndices(store->info);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}
