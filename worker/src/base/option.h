/*
 * option.h
 *		Command line options from a table.
 *
 * A table of options describes a struct: where each value goes, how it is
 * spelt, and what it means.  Parsing, environment variables and --help come
 * from it.  The command line beats the environment, which beats the default.
 */
#ifndef CELERIAC_WORKER_BASE_OPTION_H
#define CELERIAC_WORKER_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>

typedef enum OptionType
{
	OPTION_TEXT,				/* char * */
	OPTION_LIST,				/* OptionList: repeatable, or separated */
	OPTION_INT,					/* int, from minimum on */
	OPTION_SECONDS				/* double, from minimum on */
} OptionType;

typedef struct OptionList
{
	char	  **values;
	int			count;
} OptionList;

typedef struct Option
{
	const char *name;			/* "queues": given as --queues */
	char		letter;			/* 'Q': given as -Q; 0 = none */
	const char *env;			/* environment variable; NULL = none */
	OptionType	type;
	size_t		offset;			/* of the value in the struct */
	const char *value;			/* what --help calls the value */
	const char *preset;			/* default, as text; NULL = none */
	double		minimum;		/* of numbers */
	char		separator;		/* of lists; 0 = only repeated */
	const char *help;
} Option;

/*
 * Fill in the struct.  False when something is wrong; then error says what.
 * Arguments that are no options are an error.  help is set when --help is
 * among them, and nothing else is done then.
 */
extern bool option_parse(const Option *options, void *target, int argc, char **argv, bool *help, char *error, size_t error_size);

/* Print the part of --help that lists the options. */
extern void option_print_help(const Option *options);

/* Free what parsing allocated. */
extern void option_free(const Option *options, void *target);

#endif							/* CELERIAC_WORKER_BASE_OPTION_H */
