/*
 * condition.c
 *		Names of SQLSTATEs, as PL/pgSQL and the manual know them.
 *
 * The server does not export its names.  The table is made from the list the
 * server was built from, when the extension is built, plus our own codes
 * (condition.awk).  It is walked from the start: that happens once per failed
 * task.
 */
#include "base/condition.h"

#include "utils/elog.h"

typedef struct Condition
{
	int			sqlerrcode;
	const char *name;
} Condition;

static const Condition conditions[] = {
#include "condition_table.h"
};

/* NULL when the code has no name */
static const char *
condition_name(int sqlerrcode)
{
	for (int i = 0; i < lengthof(conditions); i++)
	{
		if (conditions[i].sqlerrcode == sqlerrcode)
			return conditions[i].name;
	}
	return NULL;
}

char *
celeriac_condition_exc_type(int sqlerrcode)
{
	const char *name = condition_name(sqlerrcode);

	if (name == NULL)
		return pstrdup(unpack_sql_state(sqlerrcode));
	return psprintf("%s %s", unpack_sql_state(sqlerrcode), name);
}

/* The SQLSTATE that a word begins with, and nothing but a space behind it. */
static bool
parse_sqlstate(const char *word, int *sqlerrcode)
{
	if (strspn(word, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5 ||
		(word[5] != '\0' && word[5] != ' '))
		return false;
	*sqlerrcode = MAKE_SQLSTATE(word[0], word[1], word[2], word[3], word[4]);
	return true;
}

static bool
code_matches(int sqlerrcode, int wanted)
{
	return sqlerrcode == wanted ||
		(ERRCODE_IS_CATEGORY(wanted) &&
		 ERRCODE_TO_CATEGORY(sqlerrcode) == wanted);
}

/* Several codes may share a name, as in PL/pgSQL. */
static bool
name_matches(int sqlerrcode, const char *name)
{
	for (int i = 0; i < lengthof(conditions); i++)
	{
		if (strcmp(conditions[i].name, name) == 0 &&
			code_matches(sqlerrcode, conditions[i].sqlerrcode))
			return true;
	}
	return false;
}

static bool
pattern_matches(const char *exc_type, const char *pattern)
{
	int			sqlerrcode;
	int			wanted;

	if (strcmp(pattern, "*") == 0)
		return true;
	if (exc_type == NULL)
		return false;
	if (strcmp(pattern, exc_type) == 0)
		return true;
	if (!parse_sqlstate(exc_type, &sqlerrcode))
		return false;
	if (parse_sqlstate(pattern, &wanted))
		return code_matches(sqlerrcode, wanted);
	return name_matches(sqlerrcode, pattern);
}

bool
celeriac_autoretry_matches(const char *exc_type, char *const *patterns, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (pattern_matches(exc_type, patterns[i]))
			return true;
	}
	return false;
}
