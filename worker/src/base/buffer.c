/*
 * buffer.c
 *		A growing array of bytes: filled at the end, consumed at the start.
 */
#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define BUFFER_FIRST_SIZE	1024

/* an empty buffer larger than this is given back to the system */
#define BUFFER_KEEP_SIZE	(256 * 1024)

char *
buffer_reserve(Buffer *buffer, size_t more)
{
	size_t		length = buffer_length(buffer);

	if (buffer->size - buffer->end >= more && buffer->data != NULL)
		return buffer->data + buffer->end;

	/* first move what is there to the front, if that is cheap and enough */
	if (buffer->start >= length && buffer->size - length >= more &&
		buffer->data != NULL)
	{
		memcpy(buffer->data, buffer_head(buffer), length);
	}
	else
	{
		size_t		size = buffer->size ? buffer->size : BUFFER_FIRST_SIZE;
		char	   *data;

		while (size - length < more)
			size *= 2;
		data = mem_alloc(size);
		if (length > 0)
			memcpy(data, buffer_head(buffer), length);
		free(buffer->data);
		buffer->data = data;
		buffer->size = size;
	}
	buffer->start = 0;
	buffer->end = length;
	return buffer->data + buffer->end;
}

void
buffer_append(Buffer *buffer, const void *bytes, size_t length)
{
	if (length == 0)
		return;
	memcpy(buffer_reserve(buffer, length), bytes, length);
	buffer->end += length;
}

void
buffer_printf(Buffer *buffer, const char *format,...)
{
	va_list		ap;
	int			length;

	va_start(ap, format);
	length = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (length <= 0)
		return;
	va_start(ap, format);
	vsnprintf(buffer_reserve(buffer, (size_t) length + 1),
			  (size_t) length + 1, format, ap);
	va_end(ap);
	buffer->end += (size_t) length;
}

void
buffer_consume(Buffer *buffer, size_t length)
{
	buffer->start += length;
	if (buffer->start < buffer->end)
		return;
	buffer->start = buffer->end = 0;
	if (buffer->size > BUFFER_KEEP_SIZE)
		buffer_free(buffer);
}

void
buffer_free(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

ssize_t
buffer_read(Buffer *buffer, int fd, size_t size)
{
	char	   *room = buffer_reserve(buffer, size);
	ssize_t		got;

	do
		got = read(fd, room, size);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		buffer->end += (size_t) got;
	return got;
}

ssize_t
buffer_write(Buffer *buffer, int fd)
{
	ssize_t		put;

	do
		put = write(fd, buffer_head(buffer), buffer_length(buffer));
	while (put < 0 && errno == EINTR);
	if (put > 0)
		buffer_consume(buffer, (size_t) put);
	return put;
}
