/*
 * test_buffer.c
 *		buffer.c: bytes in, bytes out, in order.
 *
 * Guards what every frame and every parameter goes through: bytes that are
 * lost, doubled or reordered when a buffer grows, moves or is emptied.
 */
#include "base/buffer.h"

#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

#define ROUNDS	20000

/* What goes in is a counter's bytes; what comes out must be the same. */
static void
test_order(void)
{
	Buffer		buffer = {0};
	unsigned	in = 0;
	unsigned	out = 0;
	bool		same = true;

	srandom(1);
	for (int i = 0; i < ROUNDS; i++)
	{
		size_t		put = (size_t) random() % 300;
		size_t		take;

		for (size_t j = 0; j < put; j++)
		{
			char		byte = (char) in++;

			buffer_append(&buffer, &byte, 1);
		}
		take = (size_t) random() % (buffer_length(&buffer) + 1);
		for (size_t j = 0; j < take; j++)
			same = same && buffer_head(&buffer)[j] == (char) out++;
		buffer_consume(&buffer, take);
		same = same && buffer_length(&buffer) == in - out;
	}
	ok(same, "%u bytes come out as they went in", in);
	buffer_free(&buffer);
}

static void
test_size(void)
{
	Buffer		buffer = {0};

	ok(buffer_head(&buffer) == NULL, "an empty buffer has no memory");
	buffer_append(&buffer, NULL, 0);
	ok(buffer_head(&buffer) == NULL, "nor when nothing is added");
	buffer_reserve(&buffer, 1024 * 1024);
	ok(buffer.size >= 1024 * 1024, "as much is reserved as asked for");
	is_int((long long) buffer_length(&buffer), 0, "which adds nothing");
	buffer_append(&buffer, "x", 1);
	buffer_consume(&buffer, 1);
	is_int((long long) buffer.size, 0, "unusual memory goes back when it is empty");
	buffer_append(&buffer, "x", 1);
	buffer_consume(&buffer, 1);
	ok(buffer.size > 0, "usual memory is kept");
	buffer_free(&buffer);
}

static void
test_printf(void)
{
	Buffer		buffer = {0};
	char		big[5000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	buffer_printf(&buffer, "%d-%s", 7, "seven");
	is(buffer_head(&buffer), "7-seven", "printf ends in a NUL");
	is_int((long long) buffer_length(&buffer), 7, "which does not count");
	buffer_printf(&buffer, "%s", big);
	ok(buffer_length(&buffer) == 7 + sizeof(big) - 1 &&
	   memcmp(buffer_head(&buffer) + 7, big, sizeof(big)) == 0,
	   "printf of more than there was room for");
	buffer_free(&buffer);
}

static void
test_descriptors(void)
{
	Buffer		out = {0};
	Buffer		in = {0};
	int			fds[2];

	if (pipe(fds) != 0)
		return;
	buffer_append(&out, "hello, pipe", 11);
	is_int(buffer_write(&out, fds[1]), 11, "everything is written");
	is_int((long long) buffer_length(&out), 0, "and taken off");
	is_int(buffer_read(&in, fds[0], 5), 5, "no more is read than asked for");
	is_int(buffer_read(&in, fds[0], 100), 6, "then the rest");
	ok(memcmp(buffer_head(&in), "hello, pipe", 11) == 0, "behind each other");
	close(fds[1]);
	is_int(buffer_read(&in, fds[0], 100), 0, "the end");
	is_int((long long) buffer_length(&in), 11, "adds nothing");
	close(fds[0]);
	is_int(buffer_read(&in, fds[0], 100), -1, "an error");
	is_int((long long) buffer_length(&in), 11, "adds nothing either");
	buffer_free(&in);
	buffer_free(&out);
}

int
main(void)
{
	test_order();
	test_size();
	test_printf();
	test_descriptors();
	return tap_done();
}
