/*
 * test_text.c
 *		text.c: uuids and UTF-8.
 *
 * Guards the border: a byte that is no UTF-8 makes the server refuse a whole
 * batch of outcomes, and an id that is misread names another task.
 */
#include "base/text.h"

#include "tap.h"

static void
check_utf8(const char *bytes, size_t length, const char *expected,
		   const char *name)
{
	char		copy[64];

	memcpy(copy, bytes, length);
	copy[length] = '\0';
	text_make_utf8(copy, length);
	is(copy, expected, name);
}

/* The same, with bytes behind those that count. */
static void
check_utf8_within(const char *bytes, size_t length, const char *expected,
				  const char *name)
{
	char		copy[64];

	snprintf(copy, sizeof(copy), "%s", bytes);
	text_make_utf8(copy, length);
	is(copy, expected, name);
}

#define UTF8(bytes, expected, name) \
	check_utf8(bytes, sizeof(bytes) - 1, expected, name)

static void
test_utf8(void)
{
	UTF8("plain", "plain", "ASCII stays");
	UTF8("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\xb1",
		 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\xb1",
		 "sequences of two, three and four bytes stay");
	UTF8("caf\xe9", "caf?", "Latin-1 becomes a question mark");
	UTF8("a\0b", "a?b", "NUL, which no text column takes");
	UTF8("\xe2\x82", "??", "a sequence that is cut off at the end");
	check_utf8_within("\xe2\x82\xac", 2, "??\xac", "what lies behind the end does not count");
	UTF8("\xe2" "a", "?a", "what follows a broken start is kept");
	UTF8("\xc0\xaf", "??", "an overlong form of two bytes");
	UTF8("\xe0\x80\xaf", "???", "an overlong form of three bytes");
	UTF8("\xf0\x80\x80\xaf", "????", "an overlong form of four bytes");
	UTF8("\xed\xa0\x80", "???", "a surrogate");
	UTF8("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "the last code point");
	UTF8("\xf4\x90\x80\x80", "????", "behind the last code point");
	UTF8("\x80", "?", "a continuation without a start");
}

static void
test_is_utf8(void)
{
	ok(text_is_utf8(text_of("caf\xc3\xa9")), "UTF-8 is told");
	ok(text_is_utf8(text_of("")), "nothing is UTF-8");
	ok(text_is_utf8(TEXT_NULL), "NULL too");
	ok(!text_is_utf8(text_of("caf\xe9")), "Latin 1 is not");
	ok(!text_is_utf8((Text) {"caf\xc3\xa9", 4}), "nor half a character");
	ok(!text_is_utf8((Text) {"a\0b", 3}), "nor NUL");
}

static void
test_uuid(void)
{
	static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
	char		out[UUID_TEXT_SIZE];
	Uuid		uuid;
	Uuid		other;

	ok(uuid_parse(text, &uuid), "a uuid is read");
	is_int(uuid.bytes[0], 0, "its first byte");
	is_int(uuid.bytes[15], 0xff, "its last byte");
	uuid_format(&uuid, out);
	is(out, text, "and written as it was");
	ok(uuid_parse("00112233445566778899AABBCCDDEEFF", &other) &&
	   uuid_equal(&uuid, &other), "without dashes and in capitals it is the same");
	other.bytes[15]--;
	ok(!uuid_equal(&uuid, &other), "the last byte counts");
	ok(!uuid_parse("00112233-4455-6677-8899-aabbccddeef", &uuid), "too short");
	ok(!uuid_parse("00112233-4455-6677-8899-aabbccddeeff0", &uuid), "too long");
	ok(!uuid_parse("00112233-4455-6677-8899-aabbccddeefg", &uuid), "no digit");
	ok(!uuid_parse("", &uuid), "nothing");
}

int
main(void)
{
	is_int((long long) text_of("four").length, 4, "a text knows its length");
	ok(text_of(NULL).data == NULL, "NULL is SQL's NULL");
	test_utf8();
	test_is_utf8();
	test_uuid();
	return tap_done();
}
