/*
 * text.h
 *		Small things about text: counted strings, uuids, UTF-8.
 */
#ifndef CELERIAC_WORKER_BASE_TEXT_H
#define CELERIAC_WORKER_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes, NUL-terminated behind the length; data NULL = SQL NULL. */
typedef struct Text
{
	const char *data;
	size_t		length;
} Text;

#define TEXT_NULL	((Text) {NULL, 0})

extern Text text_of(const char *string);

typedef struct Uuid
{
	uint8_t		bytes[16];
} Uuid;

#define UUID_TEXT_SIZE	37		/* with the final NUL */

extern void uuid_format(const Uuid *uuid, char text[UUID_TEXT_SIZE]);
extern bool uuid_parse(const char *text, Uuid *uuid);
extern bool uuid_equal(const Uuid *a, const Uuid *b);

/* Is all of it UTF-8, without NUL? */
extern bool text_is_utf8(Text text);

/*
 * Make bytes of unknown origin fit for a text column: everything that is not
 * UTF-8, and NUL, becomes '?'.  In place.
 */
extern void text_make_utf8(char *data, size_t length);

#endif							/* CELERIAC_WORKER_BASE_TEXT_H */
