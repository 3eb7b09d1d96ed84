/*
 * pace.c
 *		How long tasks took lately, by name.
 */
#include "executor/pace.h"

#include "utils/hsearch.h"
#include "utils/timestamp.h"

/* Tasks faster than this may share; so much work is fetched at a time. */
#define SHORT_USEC		((double) CELERIAC_SHORT_USEC)
#define BUDGET_USEC		20000.0

/* Paces remembered; then all are learned anew. */
#define MAX_PACES		10000

/* What a task took lately, by name. */
typedef struct Pace
{
	char		name[CELERIAC_NAME_LEN];	/* hash key */
	double		usec;
} Pace;
static HTAB *paces;
static double average_usec = SHORT_USEC;

/* Names come from senders, so there may be any number of them. */
void
celeriac_pace_init(void)
{
	HASHCTL		info = {
		.keysize = CELERIAC_NAME_LEN,
		.entrysize = sizeof(Pace)
	};

	paces = hash_create("celeriac paces", 64, &info, HASH_ELEM | HASH_STRINGS);
}

void
celeriac_pace_note(const char *name, TimestampTz started_at)
{
	double		usec = GetCurrentTimestamp() - started_at;
	bool		found;
	Pace	   *pace;

	if (hash_get_num_entries(paces) >= MAX_PACES)
	{
		hash_destroy(paces);
		celeriac_pace_init();
	}
	pace = hash_search(paces, name, HASH_ENTER, &found);

	/* a long one is believed at once; the first is long by its planning */
	if (!found || usec > SHORT_USEC)
		pace->usec = usec;
	else
		pace->usec = (pace->usec + usec) / 2;
	average_usec += (Min(usec, 2 * SHORT_USEC) - average_usec) / 16;
}

bool
celeriac_pace_is_short(const char *name)
{
	Pace	   *pace = hash_search(paces, name, HASH_FIND, NULL);

	return pace != NULL && pace->usec < SHORT_USEC;
}

int
celeriac_pace_budget(void)
{
	if (average_usec >= SHORT_USEC)
		return 1;
	return Min(BUDGET_USEC / Max(average_usec, 1.0), MAX_SHARE);
}
