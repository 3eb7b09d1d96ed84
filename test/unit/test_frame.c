/*
 * test_frame.c
 *		frame.c, buffer.c, text.c: what goes between supervisor and child.
 */
#include "pool/frame.h"

#include <stdlib.h>

#include "tap.h"

static Delivery
sample(void)
{
	Delivery	delivery = {
		.has_root = true,
		.priority = -3,
		.retries = 4,
		.max_retries = -1,
		.delivery = 5,
		.name = text_of("demo.add"),
		.queue = text_of(""),
		.args = text_of("[1, 2]"),
		.kwargs = text_of("{}"),
	};

	uuid_parse("0193a0de-0000-7000-8000-0123456789ab", &delivery.id);
	uuid_parse("0193a0de-0000-7000-8000-ffffffffffff", &delivery.root_id);
	return delivery;
}

static void
test_delivery(void)
{
	Delivery	in = sample();
	Delivery	out;
	Buffer		buffer = {0};
	Frame		frame;
	char		id[UUID_TEXT_SIZE];

	frame_put_delivery(&buffer, 42, &in);
	ok(frame_peek(buffer_head(&buffer), buffer_length(&buffer),
				  &frame) == FRAME_READY, "a whole frame");
	is_int(frame.header.kind, FRAME_DELIVERY, "its kind");
	is_int(frame.header.seq, 42, "its number");
	is_int(frame.header.length, (long long) buffer_length(&buffer),
		   "its length");
	ok(frame_get_delivery(&frame, &out), "a delivery comes back");
	uuid_format(&out.id, id);
	is(id, "0193a0de-0000-7000-8000-0123456789ab", "id");
	ok(out.has_root && uuid_equal(&out.root_id, &in.root_id), "root");
	ok(!out.has_parent && !out.has_group, "no parent, no group");
	is_int(out.priority, -3, "priority");
	is_int(out.delivery, 5, "delivery number");
	is(out.name.data, "demo.add", "name");
	is(out.queue.data, "", "an empty text");
	is_int((long long) out.args.length, 6, "length of arguments");
	is(out.options.data, NULL, "a NULL text");
	buffer_free(&buffer);
}

static void
test_report(void)
{
	Report		in = {
		.state = OUTCOME_RETRY,
		.started_at = 1700000000000000,
		.runtime = 12,
		.countdown = 1.5,
		.result = TEXT_NULL,
		.exc_type = text_of("IOError"),
		.exc_message = text_of("busy"),
	};
	Report		out;
	Buffer		buffer = {0};
	Frame		frame;

	frame_put_report(&buffer, 1, &in);
	frame_put_skipped(&buffer, 2);
	frame_put_state(&buffer, 3, text_of("PROGRESS"), text_of("{}"));

	frame_peek(buffer_head(&buffer), buffer_length(&buffer), &frame);
	ok(frame_get_report(&frame, &out), "a report comes back");
	is(outcome_state_name(out.state), "RETRY", "state");
	ok(out.started_at == in.started_at && out.runtime == 12 &&
	   out.countdown == 1.5, "numbers");
	is(out.exc_message.data, "busy", "message");
	is(out.result.data, NULL, "no result");
	buffer_consume(&buffer, frame.header.length);

	frame_peek(buffer_head(&buffer), buffer_length(&buffer), &frame);
	is_int(frame.header.kind, FRAME_SKIPPED, "a skipped one");
	buffer_consume(&buffer, frame.header.length);

	frame_peek(buffer_head(&buffer), buffer_length(&buffer), &frame);
	{
		Text		state;
		Text		info;

		ok(frame_get_state(&frame, &state, &info), "a state");
		is(state.data, "PROGRESS", "its name");
		is(info.data, "{}", "its info");
	}
	buffer_consume(&buffer, frame.header.length);
	is_int((long long) buffer_length(&buffer), 0, "nothing is left");
	buffer_free(&buffer);
}

/* Every prefix of a frame is incomplete; every damage is found or harmless. */
static void
test_damage(void)
{
	Delivery	in = sample();
	Delivery	out;
	Buffer		buffer = {0};
	Frame		frame;
	bool		incomplete = true;
	size_t		length;
	char	   *copy;

	frame_put_delivery(&buffer, 1, &in);
	length = buffer_length(&buffer);
	for (size_t i = 0; i < length; i++)
		incomplete = incomplete &&
			frame_peek(buffer_head(&buffer), i, &frame) == FRAME_INCOMPLETE;
	ok(incomplete, "every prefix is incomplete");

	/* in memory of exactly this size, so that a sanitizer sees overruns */
	copy = malloc(length);
	for (size_t i = sizeof(FrameHeader); i < length; i++)
	{
		memcpy(copy, buffer_head(&buffer), length);
		copy[i] = (char) ~copy[i];
		if (frame_peek(copy, length, &frame) == FRAME_READY)
			frame_get_delivery(&frame, &out);
	}
	ok(true, "no flipped byte makes the decoder read outside");
	memcpy(copy, buffer_head(&buffer), length);
	memset(copy, 0, sizeof(uint32_t));
	ok(frame_peek(copy, length, &frame) == FRAME_BROKEN,
	   "a length of 0 is broken");
	memset(copy, 0xff, sizeof(uint32_t));
	ok(frame_peek(copy, length, &frame) == FRAME_BROKEN,
	   "an absurd length is broken");
	free(copy);
	buffer_free(&buffer);
}

static void
test_buffer(void)
{
	Buffer		buffer = {0};
	bool		same = true;
	int			next_in = 0;
	int			next_out = 0;

	for (int round = 0; round < 1000; round++)
	{
		for (int i = 0; i < round % 17; i++)
		{
			buffer_append(&buffer, &next_in, sizeof(next_in));
			next_in++;
		}
		for (int i = 0; i < round % 13 && buffer_length(&buffer) > 0; i++)
		{
			int			value;

			memcpy(&value, buffer_head(&buffer), sizeof(value));
			same = same && value == next_out++;
			buffer_consume(&buffer, sizeof(value));
		}
	}
	ok(same, "what goes in comes out, in order");
	buffer_consume(&buffer, buffer_length(&buffer));
	buffer_printf(&buffer, "%d-%s", 7, "seven");
	ok(buffer_length(&buffer) == 7 &&
	   memcmp(buffer_head(&buffer), "7-seven", 7) == 0, "printf");
	buffer_reserve(&buffer, 1000000);
	buffer_consume(&buffer, 7);
	is_int((long long) buffer.size, 0, "unusual memory is given back");
	buffer_free(&buffer);
}

static void
check_utf8(const char *in, size_t length, const char *expected,
		   const char *name)
{
	char		text[64];

	memcpy(text, in, length);
	text[length] = '\0';
	text_make_utf8(text, length);
	is(text, expected, name);
}

static void
test_text(void)
{
	Uuid		uuid;
	char		text[UUID_TEXT_SIZE];

	ok(uuid_parse("0193A0DE00007000800000123456789a", &uuid),
	   "a uuid without hyphens");
	uuid_format(&uuid, text);
	is(text, "0193a0de-0000-7000-8000-00123456789a", "... formatted");
	ok(!uuid_parse("0193a0de-0000-7000-8000-00123456789", &uuid),
	   "one digit too few");
	ok(!uuid_parse("0193a0de-0000-7000-8000-00123456789ax", &uuid),
	   "one too many");
	ok(!uuid_parse("", &uuid), "no uuid at all");

	check_utf8("plain", 5, "plain", "ASCII stays");
	check_utf8("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89", 9,
			   "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89", "UTF-8 stays");
	check_utf8("caf\xe9", 4, "caf?", "Latin-1 does not");
	check_utf8("a\0b", 3, "a?b", "nor does NUL");
	check_utf8("\xc0\x80", 2, "??", "overlong");
	check_utf8("\xed\xa0\x80", 3, "???", "surrogate");
	check_utf8("\xf4\x90\x80\x80", 4, "????", "beyond Unicode");
	check_utf8("\xe2\x82", 2, "??", "cut off");
}

int
main(void)
{
	test_delivery();
	test_report();
	test_damage();
	test_buffer();
	test_text();
	return tap_done();
}
