/*
 * exec.c
 *		Statements, prepared once and run with a fresh snapshot.
 *
 * Plans are made once and kept, often when the tables are still small, and
 * must be right when they are not.  So our statements are planned as if the
 * tables were large, whatever they hold at that moment, and never depend on when
 * statistics were gathered last.  Only the planning of their own text is
 * different: functions and triggers of users that run within them are planned as
 * ever.
 */
#include "session/exec.h"

#include "executor/spi.h"
#include "jit/jit.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "utils/snapmgr.h"

#include "session/identity.h"
#include "session/statement.h"

typedef struct KeptPlan
{
	SPIPlanPtr	plan;
	uint64		generation;		/* of the extension it was made for */
} KeptPlan;

static KeptPlan plans[STMT_COUNT];

/* The text that is run, the innermost; NULL = none. */
static const char *current = NULL;

static SPIPlanPtr
prepare(CelStatement statement)
{
	const CelStatementText *text = &celeriac_statements[statement];
	Oid		   *types = unconstify(CelStatementText *, text)->types;
	SPIPlanPtr	plan;

	plan = SPI_prepare_cursor(text->sql, text->nargs, types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", text->sql,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", text->sql);
	return plan;
}

static SPIPlanPtr
get_plan(CelStatement statement)
{
	KeptPlan   *kept = &plans[statement];

	if (kept->plan != NULL && kept->generation == CelExt.generation)
		return kept->plan;
	if (kept->plan != NULL)
		SPI_freeplan(kept->plan);
	kept->plan = NULL;
	kept->plan = prepare(statement);
	kept->generation = CelExt.generation;
	return kept->plan;
}

#define PLANNED_PAGES	1000000
#define PLANNED_TUPLES	30000000

static get_relation_info_hook_type prev_get_relation_info_hook = NULL;
static planner_hook_type prev_planner_hook = NULL;
static bool planning_for_size = false;

static void
relation_info_for_size(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	ListCell   *cell;

	if (prev_get_relation_info_hook)
		prev_get_relation_info_hook(root, relid, inhparent, rel);
	if (!planning_for_size ||
		(!celeriac_is_segment(relid) && relid != CelExt.edge))
		return;
	rel->pages = PLANNED_PAGES;
	rel->tuples = PLANNED_TUPLES;
	foreach(cell, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, cell);

		index->pages = PLANNED_PAGES / 10;
		index->tuples = PLANNED_TUPLES;
		index->tree_height = 3;
	}
}

static PlannedStmt *
plan_query(Query *parse, const char *query_string, int cursor_options,
		   ParamListInfo params)
{
	if (prev_planner_hook)
		return prev_planner_hook(parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
}

static PlannedStmt *
plan_for_size(Query *parse, const char *query_string, int cursor_options,
			  ParamListInfo params)
{
	bool		nested = planning_for_size;
	bool		jit = jit_enabled;
	bool		seqscan = enable_seqscan;
	PlannedStmt *volatile result = NULL;

	if (current == NULL || query_string == NULL || strcmp(query_string, current) != 0)
		return plan_query(parse, query_string, cursor_options, params);
	planning_for_size = true;
	jit_enabled = false;		/* the costs of a large table would invite it */
	enable_seqscan = false;		/* few rows have what is asked for, if any */
	PG_TRY();
	{
		result = plan_query(parse, query_string, cursor_options, params);
	}
	PG_FINALLY();
	{
		planning_for_size = nested;
		jit_enabled = jit;
		enable_seqscan = seqscan;
	}
	PG_END_TRY();
	return result;
}

void
celeriac_exec_init(void)
{
	prev_get_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = relation_info_for_size;
	prev_planner_hook = planner_hook;
	planner_hook = plan_for_size;
}

/*
 * The snapshot is taken when the statement's locks are held.  What a segment
 * loses while we wait for its lock is then seen at its new place.
 */
static void
lock_relations(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);

	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
}

static int
execute(CelStatement statement, Datum *values, const char *nulls)
{
	SPIPlanPtr	plan = get_plan(statement);

	lock_relations(plan);
	return SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(),
								InvalidSnapshot, false, true, 0);
}

uint64
celeriac_exec(CelStatement statement, Datum *values, const char *nulls)
{
	MemoryContext caller = CurrentMemoryContext;	/* SPI leaves us in its
													 * own */
	const char *outer = current;
	volatile int result = 0;

	current = celeriac_statements[statement].sql;
	PG_TRY();
	{
		result = execute(statement, values, nulls);
	}
	PG_FINALLY();
	{
		current = outer;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s",
			 celeriac_statements[statement].sql, SPI_result_code_string(result));
	return SPI_processed;
}
