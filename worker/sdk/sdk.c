/*
 * sdk.c
 *		Running one task written against celeriac/task.h.
 *
 * The host's half of the SDK: the functions behind the table task_api, over
 * jansson.  A running task is a struct on the stack of sdk_run(); arguments
 * stay text until the task asks for them, so a task that does not look at its
 * arguments does not pay for parsing them.
 */
#include "sdk/sdk.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/shared.h"

/* What task_alloc() hands out, and header texts: freed together. */
typedef union SdkChunk
{
	union SdkChunk *next;
	long double align;			/* with the pointer, what any object needs */
} SdkChunk;

typedef struct SdkTask
{
	task		base;			/* must be first: what the module sees */
	const SdkHost *host;
	const SdkInput *input;
	SdkOutcome *outcome;
	json_t	   *root;			/* [args, kwargs], what was unpacked of them */
	json_t	   *options;		/* parsed on first use */
	json_t	   *sent;			/* as in SdkOutcome; NULL = nothing yet */
	SdkChunk   *chunks;
} SdkTask;

static inline SdkTask *
sdk_task(task *t)
{
	return (SdkTask *) t;
}

/*
 * Text
 */

/* A malloc'd printf; NULL without memory. */
static char *
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

static char *sdk_format(const char *format,...)
			TASK_PRINTF(1, 2);

static char *
sdk_format(const char *format,...)
{
	va_list		ap;
	char	   *text;

	va_start(ap, format);
	text = sdk_vformat(format, ap);
	va_end(ap);
	return text;
}

static char *
sdk_copy(const char *text)
{
	return text == NULL ? NULL : strdup(text);
}

static char *
sdk_dump(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

/*
 * Outcome
 */

void
sdk_outcome_free(SdkOutcome *outcome)
{
	/* results come from jansson's allocator, which is malloc unless replaced */
	free(outcome->result);
	free(outcome->sent);
	free(outcome->exc_type);
	free(outcome->exc_message);
	memset(outcome, 0, sizeof(*outcome));
}

OutcomeState
sdk_outcome_state(const SdkOutcome *outcome)
{
	static const OutcomeState states[] = {
		[TASK_SUCCESS] = OUTCOME_SUCCESS,
		[TASK_FAILURE] = OUTCOME_FAILURE,
		[TASK_RETRY] = OUTCOME_RETRY,
		[TASK_REJECT] = OUTCOME_REJECTED,
		[TASK_IGNORE] = OUTCOME_IGNORED,
		[TASK_REVOKED] = OUTCOME_REVOKED,
		[TASK_REPLACED] = OUTCOME_REPLACED,
	};

	if (outcome->status == TASK_REJECT && outcome->requeue)
		return OUTCOME_PENDING;
	return states[outcome->status];
}

/* Record an error, in place of whatever was recorded before; takes message. */
static task_status
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

/*
 * Arguments
 */

/* Parse one side; on failure the error is recorded. */
static json_t *
sdk_parse_side(SdkTask *self, const char *side, const char *text,
			   const char *empty)
{
	json_error_t error;
	json_t	   *value;

	if (text == NULL)
		text = empty;
	value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (value == NULL)
		sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
					  sdk_format("%s() cannot read its %s: %s",
								 self->input->name, side, error.text));
	return value;
}

/* Build what is unpacked in one go: an array of the sides that were asked for. */
static json_t *
sdk_parse_sides(SdkTask *self, bool args, bool kwargs)
{
	json_t	   *root = json_array();
	json_t	   *side;

	if (root == NULL)
		return NULL;
	if (args)
	{
		side = sdk_parse_side(self, "arguments", self->input->args, "[]");
		if (json_array_append_new(root, side) != 0)
			goto fail;
	}
	if (kwargs)
	{
		side = sdk_parse_side(self, "keyword arguments", self->input->kwargs,
							  "{}");
		if (json_array_append_new(root, side) != 0)
			goto fail;
	}
	return root;

fail:
	json_decref(root);
	return NULL;
}

/*
 * jansson counts columns of the format it was given; ours is "[" args kwargs
 * "]", so the column tells which side did not fit.
 */
static void
sdk_mismatch(SdkTask *self, const char *args_format,
			 const json_error_t *error)
{
	size_t		args_end = args_format ? strlen(args_format) + 1 : 0;
	bool		in_args = args_format && (size_t) error->column <= args_end;

	sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
				  sdk_format("%s() got wrong %s: %s", self->input->name,
							 in_args ? "arguments" : "keyword arguments",
							 error->text));
}

/*
 * Both sides are unpacked by one call, because jansson works on a copy of the
 * va_list: a second call could not go on where the first one stopped.
 */
static bool
sdk_unpack(task *t, const char *args_format, const char *kwargs_format,
		   va_list ap)
{
	SdkTask    *self = sdk_task(t);
	json_error_t error;
	char	   *format;
	json_t	   *root;
	int			rc;

	root = sdk_parse_sides(self, args_format != NULL, kwargs_format != NULL);
	if (root == NULL)
		return false;
	format = sdk_format("[%s%s]", args_format ? args_format : "",
						kwargs_format ? kwargs_format : "");
	if (format == NULL)
	{
		json_decref(root);
		return false;
	}

	/* strings of an earlier unpack stay valid: chain the trees */
	if (self->root != NULL)
		json_array_append_new(self->root, root);
	else
		self->root = root;

	rc = json_vunpack_ex(root, &error, JSON_STRICT, format, ap);
	free(format);
	if (rc != 0)
		sdk_mismatch(self, args_format, &error);
	return rc == 0;
}

/*
 * Endings
 */

static task_status
sdk_return_value(task *t, const char *format, va_list ap)
{
	SdkTask    *self = sdk_task(t);
	json_error_t error;
	json_t	   *value;

	sdk_outcome_free(self->outcome);
	if (format == NULL)
		return TASK_SUCCESS;
	value = json_vpack_ex(&error, 0, format, ap);
	if (value == NULL)
		return sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
							 sdk_format("%s() cannot build its result: %s",
										self->input->name, error.text));
	self->outcome->result = sdk_dump(value);
	json_decref(value);
	if (self->outcome->result == NULL)
		return sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
							 sdk_format("%s() returned what JSON cannot say",
										self->input->name));
	return TASK_SUCCESS;
}

static task_status
sdk_return_json(task *t, const char *json)
{
	SdkTask    *self = sdk_task(t);
	json_error_t error;
	json_t	   *value;

	sdk_outcome_free(self->outcome);
	if (json == NULL)
		return TASK_SUCCESS;

	/* checked here, where the task can be blamed; its text is kept */
	value = json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL |
					   JSON_DECODE_INT_AS_REAL, &error);
	if (value == NULL)
		return sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
							 sdk_format("%s() returned invalid JSON: %s",
										self->input->name, error.text));
	json_decref(value);
	self->outcome->result = sdk_copy(json);
	return TASK_SUCCESS;
}

static task_status
sdk_fail(task *t, const char *type, const char *format, va_list ap)
{
	return sdk_set_error(sdk_task(t), TASK_FAILURE, type ? type : EXC_ERROR,
						 sdk_vformat(format, ap));
}

static task_status
sdk_retry(task *t, double countdown, const char *format, va_list ap)
{
	SdkTask    *self = sdk_task(t);

	sdk_set_error(self, TASK_RETRY, EXC_RETRY, sdk_vformat(format, ap));

	/* a NaN is as good as no wish */
	self->outcome->countdown = countdown >= 0 ? countdown : -1;
	return TASK_RETRY;
}

static task_status
sdk_reject(task *t, bool requeue)
{
	SdkTask    *self = sdk_task(t);

	sdk_outcome_free(self->outcome);
	self->outcome->requeue = requeue;
	return TASK_REJECT;
}

/*
 * Others
 */

/* A signature's outside: the rest is the server's to judge. */
static json_t *
sdk_parse_signature(const char *signature)
{
	return signature == NULL ? NULL :
		json_loads(signature, JSON_ALLOW_NUL, NULL);
}

/* Takes value.  Not by json_object(): inside the server that is SQL's. */
static bool
sdk_add_sent(SdkTask *self, const char *key, json_t *value)
{
	if (self->sent == NULL)
		self->sent = json_array();
	if (!json_is_object(value))
	{
		json_decref(value);
		return false;
	}
	return json_array_append_new(self->sent,
								 json_pack("{s:o}", key, value)) == 0;
}

/* Both sides are built by one call, as they are unpacked. */
static bool
sdk_send(task *t, const char *name, const char *args_format,
		 const char *kwargs_format, va_list ap)
{
	char	   *format = sdk_format("[%s%s%s]", args_format ? args_format : "",
									args_format && kwargs_format ? "," : "",
									kwargs_format ? kwargs_format : "");
	json_t	   *sides = NULL;
	json_t	   *signature = NULL;
	size_t		side = 0;

	if (name != NULL && format != NULL)
		sides = json_vpack_ex(NULL, 0, format, ap);
	free(format);
	if (sides == NULL)
		return false;
	signature = json_pack("{s:s}", "task", name);
	if (signature != NULL && args_format != NULL)
		json_object_set(signature, "args", json_array_get(sides, side++));
	if (signature != NULL && kwargs_format != NULL)
		json_object_set(signature, "kwargs", json_array_get(sides, side));
	json_decref(sides);
	return sdk_add_sent(sdk_task(t), "send", signature);
}

static bool
sdk_send_signature(task *t, const char *signature)
{
	return sdk_add_sent(sdk_task(t), "send", sdk_parse_signature(signature));
}

static bool
sdk_add_to_chord(task *t, const char *signature)
{
	return sdk_add_sent(sdk_task(t), "add", sdk_parse_signature(signature));
}

static task_status
sdk_replace(task *t, const char *signature)
{
	SdkTask    *self = sdk_task(t);
	json_t	   *value = sdk_parse_signature(signature);
	bool		ok = json_is_object(value);

	json_decref(value);
	sdk_outcome_free(self->outcome);
	if (!ok)
		return sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
							 sdk_format("%s() is to be replaced by what is no signature",
										self->input->name));
	self->outcome->result = sdk_copy(signature);
	return TASK_REPLACED;
}

/*
 * While it runs
 */

static bool
sdk_update_state(task *t, const char *state, const char *format, va_list ap)
{
	SdkTask    *self = sdk_task(t);
	char	   *info = NULL;
	bool		ok;

	if (state == NULL || self->host->update_state == NULL)
		return false;
	if (format != NULL)
	{
		json_t	   *value = json_vpack_ex(NULL, 0, format, ap);

		if (value != NULL)
			info = sdk_dump(value);
		json_decref(value);
		if (info == NULL)
			return false;
	}
	ok = self->host->update_state(self->host->data, state, info);
	free(info);
	return ok;
}

static void
sdk_log(task *t, task_log_level level, const char *format, va_list ap)
{
	SdkTask    *self = sdk_task(t);
	char	   *message;

	if (self->host->log == NULL)
		return;
	message = sdk_vformat(format, ap);
	self->host->log(self->host->data, level, message ? message : "");
	free(message);
}

static bool
sdk_revoked(task *t)
{
	const SdkHost *host = sdk_task(t)->host;

	return host->revoked != NULL && host->revoked(host->data);
}

static bool
sdk_soft_limit_reached(task *t)
{
	const SdkHost *host = sdk_task(t)->host;

	return host->soft_limit_reached != NULL &&
		host->soft_limit_reached(host->data);
}

static void *
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

/*
 * Facts
 */

static const char *
sdk_text(task *t, task_text which)
{
	const SdkInput *input = sdk_task(t)->input;

	switch (which)
	{
		case TASK_TEXT_ID:
			return input->id;
		case TASK_TEXT_NAME:
			return input->name;
		case TASK_TEXT_QUEUE:
			return input->queue;
		case TASK_TEXT_ARGS:
			return input->args ? input->args : "[]";
		case TASK_TEXT_KWARGS:
			return input->kwargs ? input->kwargs : "{}";
		case TASK_TEXT_OPTIONS:
			return input->options;
		case TASK_TEXT_ROOT_ID:
			return input->root_id;
		case TASK_TEXT_PARENT_ID:
			return input->parent_id;
		case TASK_TEXT_GROUP_ID:
			return input->group_id;
	}
	return NULL;
}

static int
sdk_number(task *t, task_number which)
{
	const SdkInput *input = sdk_task(t)->input;

	switch (which)
	{
		case TASK_NUMBER_RETRIES:
			return input->retries;
		case TASK_NUMBER_MAX_RETRIES:
			return input->max_retries;
		case TASK_NUMBER_DELIVERY:
			return input->delivery;
		case TASK_NUMBER_PRIORITY:
			return input->priority;
	}
	return 0;
}

static const char *
sdk_header(task *t, const char *key)
{
	SdkTask    *self = sdk_task(t);
	const json_t *value;
	char	   *text;
	char	   *kept;

	if (key == NULL || self->input->options == NULL)
		return NULL;
	if (self->options == NULL)
		self->options = json_loads(self->input->options, JSON_ALLOW_NUL, NULL);
	value = json_object_get(json_object_get(self->options, "headers"), key);
	if (value == NULL)
		return NULL;
	if (json_is_string(value))
		return json_string_value(value);

	text = sdk_dump(value);
	if (text == NULL)
		return NULL;
	kept = sdk_alloc(t, strlen(text) + 1);
	if (kept != NULL)
		memcpy(kept, text, strlen(text) + 1);
	free(text);
	return kept;
}

static const task_api sdk_api = {
	.abi_version = TASK_ABI_VERSION,
	.unpack = sdk_unpack,
	.return_value = sdk_return_value,
	.return_json = sdk_return_json,
	.fail = sdk_fail,
	.retry = sdk_retry,
	.reject = sdk_reject,
	.update_state = sdk_update_state,
	.log = sdk_log,
	.revoked = sdk_revoked,
	.soft_limit_reached = sdk_soft_limit_reached,
	.text = sdk_text,
	.number = sdk_number,
	.header = sdk_header,
	.alloc = sdk_alloc,
	.send = sdk_send,
	.send_signature = sdk_send_signature,
	.add_to_chord = sdk_add_to_chord,
	.replace = sdk_replace,
};

/*
 * Running
 */

/* A task that says FAILURE, RETRY or REVOKED but not why gets a reason. */
static void
sdk_explain(SdkTask *self, task_status status)
{
	if (status == TASK_REVOKED)
		sdk_set_error(self, status, EXC_REVOKED, sdk_copy(REVOKED_PLAIN));
	else if (status == TASK_RETRY)
		sdk_set_error(self, status, EXC_RETRY, NULL);
	else if (sdk_soft_limit_reached(&self->base))
		sdk_set_error(self, status, EXC_SOFT_TIME_LIMIT,
					  sdk_copy("soft time limit exceeded"));
	else
		sdk_set_error(self, status, EXC_ERROR,
					  sdk_format("%s() failed without saying why",
								 self->input->name));
}

/* The returned status rules; what was recorded for another one is dropped. */
static void
sdk_settle(SdkTask *self, task_status status)
{
	SdkOutcome *outcome = self->outcome;
	bool		has_error = outcome->exc_type != NULL;

	switch (status)
	{
		case TASK_SUCCESS:
		case TASK_REJECT:
		case TASK_IGNORE:
			if (has_error)
				sdk_outcome_free(outcome);
			break;
		case TASK_FAILURE:
		case TASK_RETRY:
			if (!has_error)
				sdk_explain(self, status);
			break;
		case TASK_REVOKED:
			sdk_explain(self, status);
			break;
		case TASK_REPLACED:
			if (outcome->result != NULL)
				break;
			sdk_set_error(self, TASK_FAILURE, EXC_ERROR,
						  sdk_format("%s() did not say what replaces it",
									 self->input->name));
			status = TASK_FAILURE;
			break;
		default:
			sdk_set_error(self, TASK_FAILURE, EXC_ERROR,
						  sdk_format("%s() returned the unknown status %d",
									 self->input->name, (int) status));
			status = TASK_FAILURE;
	}
	outcome->status = status;
	if (self->sent != NULL && (status == TASK_SUCCESS ||
							   status == TASK_IGNORE || status == TASK_REPLACED))
		outcome->sent = sdk_dump(self->sent);
}

static void
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

void
sdk_run(const SdkHost *host, const SdkInput *input, task_function run,
		SdkOutcome *outcome)
{
	SdkTask		self = {
		.base = {.api = &sdk_api},
		.host = host,
		.input = input,
		.outcome = outcome,
	};

	memset(outcome, 0, sizeof(*outcome));
	sdk_settle(&self, run(&self.base));
	sdk_cleanup(&self);
}
