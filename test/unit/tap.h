/*
 * tap.h
 *		Test Anything Protocol, as much as a C unit test needs.
 *
 * A test program calls ok() and is() and ends with "return tap_done();".
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int	tap_count;
static int	tap_failed;

static inline bool tap_ok(bool passed, const char *file, int line, const char *format,...) __attribute__((format(printf, 4, 5)));

static inline bool
tap_ok(bool passed, const char *file, int line, const char *format,...)
{
	va_list		ap;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	if (!passed)
	{
		tap_failed++;
		printf("# failed at %s line %d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

static inline bool
tap_is(const char *got, const char *expected, const char *file, int line,
	   const char *name)
{
	bool		same = got && expected ? strcmp(got, expected) == 0
		: got == expected;

	tap_ok(same, file, line, "%s", name);
	if (!same)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
			   expected ? expected : "(null)");
	return same;
}

static inline bool
tap_is_int(long long got, long long expected, const char *file, int line,
		   const char *name)
{
	tap_ok(got == expected, file, line, "%s", name);
	if (got != expected)
		printf("#      got: %lld\n# expected: %lld\n", got, expected);
	return got == expected;
}

#define ok(test, ...) tap_ok((test), __FILE__, __LINE__, __VA_ARGS__)
#define is(got, expected, name) \
	tap_is((got), (expected), __FILE__, __LINE__, (name))
#define is_int(got, expected, name) \
	tap_is_int((got), (expected), __FILE__, __LINE__, (name))

static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

#endif							/* TAP_H */
