/*
 * frame.c
 *		What supervisor and children say to each other.
 *
 * A body is a struct of what has a fixed size, then texts: a length, the
 * bytes and a NUL, so that the reader can use them where they are.
 */
#include "pool/frame.h"

#include <string.h>

/* the length of a NULL text */
#define FRAME_NULL_TEXT UINT32_MAX

/* The fixed parts of the bodies; memcpy'd, so alignment does not matter. */
typedef struct DeliveryBody
{
	Uuid		id;
	Uuid		root_id;
	Uuid		parent_id;
	Uuid		group_id;
	int32_t		priority;
	int32_t		retries;
	int32_t		max_retries;
	int32_t		delivery;
	uint8_t		has_root;
	uint8_t		has_parent;
	uint8_t		has_group;
	uint8_t		unused;
} DeliveryBody;

typedef struct ReportBody
{
	int64_t		started_at;
	int64_t		runtime;
	double		countdown;
	uint32_t	state;
	uint32_t	unused;
} ReportBody;

typedef struct FrameReader
{
	const char *next;
	const char *end;
	bool		broken;
} FrameReader;

/*
 * Writing
 */

static size_t
frame_text_size(Text text)
{
	return sizeof(uint32_t) + (text.data ? text.length + 1 : 0);
}

static char *
frame_write_text(char *out, Text text)
{
	uint32_t	length = text.data ? (uint32_t) text.length : FRAME_NULL_TEXT;

	memcpy(out, &length, sizeof(length));
	out += sizeof(length);
	if (text.data != NULL)
	{
		memcpy(out, text.data, text.length);
		out[text.length] = '\0';
		out += text.length + 1;
	}
	return out;
}

/* A frame of a fixed part and some texts, in one go: this is the hot path. */
static void
frame_put(Buffer *buffer, FrameKind kind, uint32_t seq, const void *fixed,
		  size_t fixed_size, const Text *texts, int ntexts)
{
	FrameHeader header = {.kind = kind, .seq = seq};
	size_t		length = sizeof(header) + fixed_size;
	char	   *out;

	for (int i = 0; i < ntexts; i++)
		length += frame_text_size(texts[i]);
	header.length = (uint32_t) length;

	out = buffer_reserve(buffer, length);
	memcpy(out, &header, sizeof(header));
	out += sizeof(header);
	if (fixed_size > 0)
		memcpy(out, fixed, fixed_size);
	out += fixed_size;
	for (int i = 0; i < ntexts; i++)
		out = frame_write_text(out, texts[i]);
	buffer->end += length;
}

void
frame_put_delivery(Buffer *buffer, uint32_t seq, const Delivery *delivery)
{
	DeliveryBody body = {
		.id = delivery->id,
		.root_id = delivery->root_id,
		.parent_id = delivery->parent_id,
		.group_id = delivery->group_id,
		.priority = delivery->priority,
		.retries = delivery->retries,
		.max_retries = delivery->max_retries,
		.delivery = delivery->delivery,
		.has_root = delivery->has_root,
		.has_parent = delivery->has_parent,
		.has_group = delivery->has_group,
	};
	const Text	texts[] = {delivery->name, delivery->queue, delivery->args,
	delivery->kwargs, delivery->options};

	frame_put(buffer, FRAME_DELIVERY, seq, &body, sizeof(body), texts, 5);
}

void
frame_put_report(Buffer *buffer, uint32_t seq, const Report *report)
{
	ReportBody	body = {
		.started_at = report->started_at,
		.runtime = report->runtime,
		.countdown = report->countdown,
		.state = report->state,
	};
	const Text	texts[] = {report->result, report->exc_type,
	report->exc_message, report->traceback, report->sent};

	frame_put(buffer, FRAME_REPORT, seq, &body, sizeof(body), texts, 5);
}

void
frame_put_skipped(Buffer *buffer, uint32_t seq)
{
	frame_put(buffer, FRAME_SKIPPED, seq, NULL, 0, NULL, 0);
}

void
frame_put_state(Buffer *buffer, uint32_t seq, Text state, Text info)
{
	const Text	texts[] = {state, info};

	frame_put(buffer, FRAME_STATE, seq, NULL, 0, texts, 2);
}

/*
 * Reading
 */

FrameResult
frame_peek(const char *bytes, size_t length, Frame *frame)
{
	if (length < sizeof(FrameHeader))
		return FRAME_INCOMPLETE;
	memcpy(&frame->header, bytes, sizeof(FrameHeader));
	if (frame->header.length < sizeof(FrameHeader) ||
		frame->header.length > FRAME_MAX_LENGTH)
		return FRAME_BROKEN;
	if (length < frame->header.length)
		return FRAME_INCOMPLETE;
	frame->body = bytes + sizeof(FrameHeader);
	return FRAME_READY;
}

static FrameReader
frame_reader(const Frame *frame)
{
	return (FrameReader) {
		.next = frame->body,
		.end = frame->body + frame->header.length - sizeof(FrameHeader),
	};
}

static void
frame_read(FrameReader *reader, void *out, size_t size)
{
	if ((size_t) (reader->end - reader->next) < size)
	{
		reader->broken = true;
		memset(out, 0, size);
		return;
	}
	memcpy(out, reader->next, size);
	reader->next += size;
}

static Text
frame_read_text(FrameReader *reader)
{
	Text		text = TEXT_NULL;
	uint32_t	length;

	frame_read(reader, &length, sizeof(length));
	if (reader->broken || length == FRAME_NULL_TEXT)
		return text;
	if ((size_t) (reader->end - reader->next) < (size_t) length + 1 ||
		reader->next[length] != '\0')
	{
		reader->broken = true;
		return text;
	}
	text.data = reader->next;
	text.length = length;
	reader->next += length + 1;
	return text;
}

bool
frame_get_delivery(const Frame *frame, Delivery *delivery)
{
	FrameReader reader = frame_reader(frame);
	DeliveryBody body;

	frame_read(&reader, &body, sizeof(body));
	*delivery = (Delivery) {
		.id = body.id,
		.root_id = body.root_id,
		.parent_id = body.parent_id,
		.group_id = body.group_id,
		.has_root = body.has_root,
		.has_parent = body.has_parent,
		.has_group = body.has_group,
		.priority = body.priority,
		.retries = body.retries,
		.max_retries = body.max_retries,
		.delivery = body.delivery,
	};
	delivery->name = frame_read_text(&reader);
	delivery->queue = frame_read_text(&reader);
	delivery->args = frame_read_text(&reader);
	delivery->kwargs = frame_read_text(&reader);
	delivery->options = frame_read_text(&reader);
	return !reader.broken && delivery->name.data != NULL;
}

bool
frame_get_report(const Frame *frame, Report *report)
{
	FrameReader reader = frame_reader(frame);
	ReportBody	body;

	frame_read(&reader, &body, sizeof(body));
	*report = (Report) {
		.state = body.state,
		.started_at = body.started_at,
		.runtime = body.runtime,
		.countdown = body.countdown,
	};
	report->result = frame_read_text(&reader);
	report->exc_type = frame_read_text(&reader);
	report->exc_message = frame_read_text(&reader);
	report->traceback = frame_read_text(&reader);
	report->sent = frame_read_text(&reader);
	return !reader.broken && body.state < OUTCOME_COUNT;
}

bool
frame_get_state(const Frame *frame, Text *state, Text *info)
{
	FrameReader reader = frame_reader(frame);

	*state = frame_read_text(&reader);
	*info = frame_read_text(&reader);
	return !reader.broken && state->data != NULL;
}
