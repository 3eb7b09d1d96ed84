/*
 * option.c
 *		Command line options from a table.
 */
#include "base/option.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct OptionParse
{
	const Option *options;
	char	   *target;
	char	   *error;
	size_t		error_size;
} OptionParse;

static bool option_error(OptionParse *parse, const char *format,...) __attribute__((format(printf, 2, 3)));

static bool
option_error(OptionParse *parse, const char *format,...)
{
	va_list		ap;

	va_start(ap, format);
	vsnprintf(parse->error, parse->error_size, format, ap);
	va_end(ap);
	return false;
}

/*
 * Values
 */

static void
option_add(OptionList *list, const char *value, size_t length)
{
	char	   *copy = mem_alloc(length + 1);

	memcpy(copy, value, length);
	copy[length] = '\0';
	list->values = mem_realloc(list->values,
							   (size_t) (list->count + 1) * sizeof(char *));
	list->values[list->count++] = copy;
}

static bool
option_set_list(OptionParse *parse, const Option *option, const char *value)
{
	OptionList *list = (OptionList *) (parse->target + option->offset);

	for (;;)
	{
		const char *end = option->separator
			? strchr(value, option->separator) : NULL;
		size_t		length = end ? (size_t) (end - value) : strlen(value);

		if (length == 0)
			return option_error(parse, "--%s has an empty item", option->name);
		option_add(list, value, length);
		if (end == NULL)
			return true;
		value = end + 1;
	}
}

static void
option_clear_list(OptionList *list)
{
	for (int i = 0; i < list->count; i++)
		free(list->values[i]);
	free(list->values);
	memset(list, 0, sizeof(*list));
}

static bool
option_set_number(OptionParse *parse, const Option *option, const char *value)
{
	char	   *end;
	double		number;

	errno = 0;
	number = strtod(value, &end);
	if (end == value || *end != '\0' || errno != 0 || !isfinite(number))
		return option_error(parse, "--%s needs a number, not \"%s\"",
							option->name, value);
	if (number < option->minimum)
		return option_error(parse, "--%s must be at least %g, not %s",
							option->name, option->minimum, value);
	if (option->type == OPTION_SECONDS)
	{
		*(double *) (parse->target + option->offset) = number;
		return true;
	}
	if (number > INT_MAX || number != floor(number))
		return option_error(parse, "--%s needs a whole number, not \"%s\"",
							option->name, value);
	*(int *) (parse->target + option->offset) = (int) number;
	return true;
}

static bool
option_set(OptionParse *parse, const Option *option, const char *value)
{
	char	  **text = (char **) (parse->target + option->offset);

	switch (option->type)
	{
		case OPTION_TEXT:
			free(*text);
			*text = mem_strdup(value);
			return true;
		case OPTION_LIST:
			return option_set_list(parse, option, value);
		case OPTION_INT:
		case OPTION_SECONDS:
			return option_set_number(parse, option, value);
	}
	return false;
}

/*
 * Where values come from
 */

/* Defaults and environment.  What is set here the command line replaces. */
static bool
option_parse_environment(OptionParse *parse)
{
	for (const Option *option = parse->options; option->name; option++)
	{
		const char *value = option->env ? getenv(option->env) : NULL;

		if (value == NULL || *value == '\0')
			value = option->preset;
		if (value != NULL && !option_set(parse, option, value))
			return false;
	}
	return true;
}

static const Option *
option_find(const Option *options, const char *name, size_t length,
			char letter)
{
	for (const Option *option = options; option->name; option++)
	{
		if (name != NULL ? (strlen(option->name) == length &&
							strncmp(option->name, name, length) == 0)
			: option->letter == letter)
			return option;
	}
	return NULL;
}

/*
 * Split an argument in option and value: --name=value, --name value,
 * -n value, -nvalue.  *value is NULL when it must be the next argument.
 */
static const Option *
option_split(const Option *options, const char *argument, const char **value)
{
	*value = NULL;
	if (strncmp(argument, "--", 2) == 0)
	{
		const char *name = argument + 2;
		const char *equals = strchr(name, '=');

		if (equals != NULL)
			*value = equals + 1;
		return option_find(options, name, equals ? (size_t) (equals - name)
						   : strlen(name), 0);
	}
	if (argument[0] == '-' && argument[1] != '\0')
	{
		if (argument[2] != '\0')
			*value = argument + 2;
		return option_find(options, NULL, 0, argument[1]);
	}
	return NULL;
}

/* The first use of a list on the command line replaces its default. */
static void
option_start_list(OptionParse *parse, const Option *option, bool *seen)
{
	if (option->type == OPTION_LIST && !*seen)
		option_clear_list((OptionList *) (parse->target + option->offset));
	*seen = true;
}

static bool
option_parse_arguments(OptionParse *parse, int argc, char **argv)
{
	bool		seen[64] = {false};

	for (int i = 0; i < argc; i++)
	{
		const char *value;
		const Option *option = option_split(parse->options, argv[i], &value);

		if (option == NULL)
			return option_error(parse, argv[i][0] == '-'
								? "there is no option \"%s\""
								: "unexpected argument \"%s\"", argv[i]);
		if (value == NULL && ++i >= argc)
			return option_error(parse, "option \"%s\" needs a value",
								argv[i - 1]);
		if (value == NULL)
			value = argv[i];
		option_start_list(parse, option, &seen[option - parse->options]);
		if (!option_set(parse, option, value))
			return false;
	}
	return true;
}

bool
option_parse(const Option *options, void *target, int argc, char **argv,
			 bool *help, char *error, size_t error_size)
{
	OptionParse parse = {options, target, error, error_size};

	*help = false;
	for (int i = 0; i < argc; i++)
	{
		if (strcmp(argv[i], "--help") == 0)
		{
			*help = true;
			return true;
		}
	}
	return option_parse_environment(&parse) &&
		option_parse_arguments(&parse, argc, argv);
}

void
option_free(const Option *options, void *target)
{
	for (const Option *option = options; option->name; option++)
	{
		char	   *place = (char *) target + option->offset;

		if (option->type == OPTION_LIST)
			option_clear_list((OptionList *) place);
		else if (option->type == OPTION_TEXT)
		{
			free(*(char **) place);
			*(char **) place = NULL;
		}
	}
}

void
option_print_help(const Option *options)
{
	for (const Option *option = options; option->name; option++)
	{
		char		spelling[80];
		char		letter[5] = "    ";

		if (option->letter)
			snprintf(letter, sizeof(letter), "-%c, ", option->letter);
		snprintf(spelling, sizeof(spelling), "%s--%s=%s", letter,
				 option->name, option->value);
		printf("  %-36s %s", spelling, option->help);
		if (option->preset)
			printf(" (default: %s)", option->preset);
		if (option->env)
			printf(" [%s]", option->env);
		putchar('\n');
	}
}
