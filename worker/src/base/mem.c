/*
 * mem.c
 *		Memory that is there: running out of it ends the process.
 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exitcode.h"

static void *
mem_check(void *pointer)
{
	static const char message[] = "celeriac: out of memory\n";

	if (pointer == NULL)
	{
		/* nothing that allocates; if even this fails there is nobody to tell */
		if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
			_exit(EXIT_OUT_OF_MEMORY);
		_exit(EXIT_OUT_OF_MEMORY);
	}
	return pointer;
}

void *
mem_alloc(size_t size)
{
	return mem_check(malloc(size ? size : 1));
}

void *
mem_zalloc(size_t size)
{
	return mem_check(calloc(1, size ? size : 1));
}

void *
mem_realloc(void *pointer, size_t size)
{
	return mem_check(realloc(pointer, size ? size : 1));
}

char *
mem_strdup(const char *text)
{
	return mem_check(strdup(text));
}

char *
mem_printf(const char *format,...)
{
	va_list		ap;
	char	   *text;
	int			length;

	va_start(ap, format);
	length = vasprintf(&text, format, ap);
	va_end(ap);
	return mem_check(length < 0 ? NULL : text);
}
