/*
 * namelist.c
 *		Settings that hold names: refused when they are set, or else split.
 *
 * A list is split for its use as it was split for its check, so splitting it
 * cannot fail then.
 */
#include "base/namelist.h"

#include "utils/varlena.h"

#include "base/check.h"

static List *
split_queues(const char *setting, bool *valid)
{
	List	   *names = NIL;

	*valid = SplitGUCList(pstrdup(setting), ',', &names);
	return names;
}

/* File names, which may hold blanks. */
static List *
split_modules(const char *setting, bool *valid)
{
	List	   *names = NIL;

	*valid = SplitDirectoriesString(pstrdup(setting), ',', &names);
	return names;
}

List *
celeriac_queue_list(const char *setting)
{
	bool		valid;

	return split_queues(setting, &valid);
}

List *
celeriac_module_list(const char *setting)
{
	bool		valid;

	return split_modules(setting, &valid);
}

static bool
refuse_list(const char *example)
{
	GUC_check_errdetail("It is not a list of names separated by commas.");
	GUC_check_errhint("Put names with commas, blanks or quotes into double quotes: %s.", example);
	return false;
}

static bool
check_queue(const char *name)
{
	const char *fault = celeriac_queue_name_fault(name);

	if (fault == NULL)
		return true;
	GUC_check_errdetail("The queue name \"%s\" %s.", name, fault);
	GUC_check_errhint("A name has 1 to %d bytes and no control characters.", CELERIAC_QUEUE_LEN - 1);
	return false;
}

static bool
check_queues(List *names)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (!check_queue(lfirst(cell)))
			return false;
	}
	if (list_length(names) <= CEL_MAX_WAIT_QUEUES)
		return true;
	GUC_check_errdetail("It lists %d queues; at most %d can be served.",
						list_length(names), CEL_MAX_WAIT_QUEUES);
	return false;
}

bool
celeriac_check_queue_list(char **newval, void **extra, GucSource source)
{
	bool		valid;
	List	   *names = split_queues(*newval, &valid);

	return valid ? check_queues(names) : refuse_list("one, \"the \"\"other\"\" one\"");
}

bool
celeriac_check_module_list(char **newval, void **extra, GucSource source)
{
	bool		valid;

	(void) split_modules(*newval, &valid);
	return valid || refuse_list("one.so, \"/a, b/two.so\"");
}

bool
celeriac_check_queue_setting(char **newval, void **extra, GucSource source)
{
	return check_queue(*newval);
}
