/*
 * sdktask.c
 *		A running task, as the functions of the SDK see it.
 */
#include "sdk/sdktask.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
sdk_vformat(const char *format, va_list ap)
{
	va_list		measure;
	int			length;
	char	   *text;

	if (format == NULL)
		return NULL;
	va_copy(measure, ap);
	length = vsnprintf(NULL, 0, format, measure);
	va_end(measure);
	if (length < 0)
		return NULL;
	text = malloc((size_t) length + 1);
	if (text != NULL)
		vsnprintf(text, (size_t) length + 1, format, ap);
	return text;
}

char *
sdk_format(const char *format,...)
{
	va_list		ap;
	char	   *text;

	va_start(ap, format);
	text = sdk_vformat(format, ap);
	va_end(ap);
	return text;
}

char *
sdk_copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

char *
sdk_dump(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* Numbers may be of any length: the text is kept, and jsonb has room for them. */
bool
sdk_is_json(const char *text, size_t length, json_error_t *error)
{
	json_t	   *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL |
								   JSON_DECODE_INT_AS_REAL, error);

	json_decref(value);
	return value != NULL;
}

task_status
sdk_set_error(SdkTask *self, task_status status, const char *type,
			  char *message)
{
	SdkOutcome *outcome = self->outcome;

	sdk_outcome_free(outcome);
	outcome->exc_type = sdk_copy(type);
	outcome->exc_message = message;
	outcome->countdown = -1;
	return status;
}

void *
sdk_alloc(task *t, size_t size)
{
	SdkTask    *self = sdk_task(t);
	SdkChunk   *chunk;

	if (size > SIZE_MAX - sizeof(SdkChunk))
		return NULL;
	chunk = calloc(1, sizeof(SdkChunk) + size);
	if (chunk == NULL)
		return NULL;
	chunk->next = self->chunks;
	self->chunks = chunk;
	return chunk + 1;
}

void
sdk_cleanup(SdkTask *self)
{
	SdkChunk   *chunk = self->chunks;

	json_decref(self->root);
	json_decref(self->options);
	json_decref(self->sent);
	while (chunk != NULL)
	{
		SdkChunk   *next = chunk->next;

		free(chunk);
		chunk = next;
	}
}
