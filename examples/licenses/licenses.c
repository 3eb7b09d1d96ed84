/*
 * licenses.c
 *		The task of the quickstart: counts a text file and sums it up.
 *
 *		cc -shared -fPIC $(pkg-config --cflags celeriac) -o licenses.so licenses.c
 *		celeriac worker --dbname demo --module ./licenses.so
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <celeriac/task.h>

#define CRC_POLYNOMIAL 0x04C11DB7U

typedef struct Measure
{
	long long	bytes;
	long long	lines;
	long long	words;
	bool		in_word;
	uint32_t	crc;			/* of cksum(1), without the length yet */
} Measure;

static uint32_t
crc_add(uint32_t crc, unsigned char byte)
{
	crc ^= (uint32_t) byte << 24;
	for (int bit = 0; bit < 8; bit++)
		crc = (crc & 0x80000000U) ? (crc << 1) ^ CRC_POLYNOMIAL : crc << 1;
	return crc;
}

static void
measure_add(Measure *m, unsigned char byte)
{
	bool		space = isspace(byte) != 0;

	if (m->in_word && space)
		m->words++;
	m->in_word = !space;
	m->lines += (byte == '\n');
	m->bytes++;
	m->crc = crc_add(m->crc, byte);
}

/* The file's end ends its last word, and cksum(1) adds the length. */
static void
measure_end(Measure *m)
{
	if (m->in_word)
		m->words++;
	for (uint64_t length = (uint64_t) m->bytes; length > 0; length >>= 8)
		m->crc = crc_add(m->crc, length & 0xFF);
	m->crc = ~m->crc;
}

static bool
measure_file(FILE *file, Measure *m)
{
	unsigned char buffer[8192];
	size_t		n;

	while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		for (size_t i = 0; i < n; i++)
			measure_add(m, buffer[i]);
	measure_end(m);
	return !ferror(file);
}

/* licenses.measure(path) -> {"bytes": ..., "lines": ..., ...} */
static task_status
measure(task *t)
{
	const char *path;
	FILE	   *file;
	Measure		m = {0};
	bool		ok;

	if (!task_unpack(t, "[s]", NULL, &path))
		return TASK_FAILURE;
	file = fopen(path, "rb");
	if (file == NULL)
		return task_fail(t, "OSError", "could not open \"%s\": %s", path,
						 strerror(errno));
	ok = measure_file(file, &m);
	fclose(file);
	if (!ok)
		return task_fail(t, "OSError", "could not read \"%s\"", path);
	return task_return(t, "{s:s, s:I, s:I, s:I, s:I}", "path", path,
					   "lines", m.lines, "words", m.words, "bytes", m.bytes,
					   "cksum", (long long) m.crc);
}

TASK_MODULE("licenses", TASK("measure", measure, .max_retries = 0));
