/*
 * text.c
 *		Small things about text: counted strings, uuids, UTF-8.
 */
#include "base/text.h"

#include <string.h>

Text
text_of(const char *string)
{
	return (Text) {string, string ? strlen(string) : 0};
}

void
uuid_format(const Uuid *uuid, char text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char	   *out = text;

	for (int i = 0; i < 16; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[uuid->bytes[i] >> 4];
		*out++ = digits[uuid->bytes[i] & 15];
	}
	*out = '\0';
}

static int
uuid_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
uuid_parse(const char *text, Uuid *uuid)
{
	for (int i = 0; i < 16; i++)
	{
		int			high;
		int			low;

		if (*text == '-' && i > 0)
			text++;
		high = uuid_digit(text[0]);
		low = high < 0 ? -1 : uuid_digit(text[1]);
		if (low < 0)
			return false;
		uuid->bytes[i] = (uint8_t) (high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

bool
uuid_equal(const Uuid *a, const Uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Length of the valid UTF-8 sequence at s, or 0. */
static size_t
text_utf8_sequence(const unsigned char *s, size_t left)
{
	size_t		n;
	uint32_t	point;

	if (s[0] != 0 && s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (n > left)
		return 0;
	point = s[0] & (0xff >> (n + 1));
	for (size_t i = 1; i < n; i++)
	{
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && point < 0x800) || (n == 4 && point < 0x10000) ||
		(point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff)
		return 0;
	return n;
}

bool
text_is_utf8(Text text)
{
	size_t		i = 0;

	while (i < text.length)
	{
		size_t		n = text_utf8_sequence((const unsigned char *) text.data + i,
										   text.length - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}

void
text_make_utf8(char *data, size_t length)
{
	size_t		i = 0;

	while (i < length)
	{
		size_t		n = text_utf8_sequence((unsigned char *) data + i,
										   length - i);

		if (n == 0)
		{
			data[i] = '?';
			n = 1;
		}
		i += n;
	}
}
