/*
 * buffer.h
 *		A growing array of bytes: filled at the end, consumed at the start.
 */
#ifndef CELERIAC_WORKER_BASE_BUFFER_H
#define CELERIAC_WORKER_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Buffer
{
	char	   *data;
	size_t		start;			/* first byte not consumed */
	size_t		end;			/* first byte not filled */
	size_t		size;			/* of data */
} Buffer;

static inline size_t
buffer_length(const Buffer *buffer)
{
	return buffer->end - buffer->start;
}

/* NULL while nothing was ever filled in */
static inline char *
buffer_head(const Buffer *buffer)
{
	return buffer->data == NULL ? NULL : buffer->data + buffer->start;
}

/* Make room for more bytes at the end; returns where they go. */
extern char *buffer_reserve(Buffer *buffer, size_t more);
extern void buffer_append(Buffer *buffer, const void *bytes, size_t length);
extern void buffer_printf(Buffer *buffer, const char *format,...) __attribute__((format(printf, 2, 3)));

/* Take bytes off the start; an empty buffer gives back unusual memory. */
extern void buffer_consume(Buffer *buffer, size_t length);
extern void buffer_free(Buffer *buffer);

/*
 * One read() of up to size bytes or one write() of everything; EINTR is
 * repeated.  Results as of the system call.
 */
extern ssize_t buffer_read(Buffer *buffer, int fd, size_t size);
extern ssize_t buffer_write(Buffer *buffer, int fd);

#endif							/* CELERIAC_WORKER_BASE_BUFFER_H */
