/*
 * frame.h
 *		What supervisor and children say to each other.
 *
 * A frame is a length, a kind, a sequence number and a body.  The supervisor
 * numbers the tasks it gives to a child 1, 2, 3, ...; a child runs them and
 * answers in that order, so a number says everything about progress.  Both
 * ends are the same program on the same machine: native byte order.
 */
#ifndef CELERIAC_WORKER_POOL_FRAME_H
#define CELERIAC_WORKER_POOL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "pool/report.h"

typedef enum FrameKind
{
	FRAME_DELIVERY = 1,			/* to a child: run this */
	FRAME_REPORT,				/* from a child: what became of seq */
	FRAME_SKIPPED,				/* from a child: seq was recalled, not run */
	FRAME_STATE					/* from a child: seq shows a custom state */
} FrameKind;

typedef struct FrameHeader
{
	uint32_t	length;			/* with this header */
	uint32_t	kind;			/* FrameKind */
	uint32_t	seq;
} FrameHeader;

/* no frame is longer: jsonb values are limited to 256 MB, a task has a few */
#define FRAME_MAX_LENGTH	(UINT32_C(2) * 1024 * 1024 * 1024 - 1)

typedef struct Frame
{
	FrameHeader header;
	const char *body;			/* in the buffer it was read from */
} Frame;

/* Write a whole frame at the end of the buffer. */
extern void frame_put_delivery(Buffer *buffer, uint32_t seq, const Delivery *delivery);
extern void frame_put_report(Buffer *buffer, uint32_t seq, const Report *report);
extern void frame_put_skipped(Buffer *buffer, uint32_t seq);
extern void frame_put_state(Buffer *buffer, uint32_t seq, Text state, Text info);

typedef enum FrameResult
{
	FRAME_READY,
	FRAME_INCOMPLETE,			/* read more */
	FRAME_BROKEN				/* not our protocol: give up the connection */
} FrameResult;

/* Look at the first frame of some bytes; consume header.length of them after. */
extern FrameResult frame_peek(const char *bytes, size_t length, Frame *frame);

/* Decode a body; texts point into it.  False when it is broken. */
extern bool frame_get_delivery(const Frame *frame, Delivery *delivery);
extern bool frame_get_report(const Frame *frame, Report *report);
extern bool frame_get_state(const Frame *frame, Text *state, Text *info);

#endif							/* CELERIAC_WORKER_POOL_FRAME_H */
