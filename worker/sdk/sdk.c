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

#include <stdlib.h>
#include <string.h>

#include "sdk/sent.h"
#include "sdk/shared.h"
#include "sdk/unpack.h"

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

	sdk_outcome_free(self->outcome);
	if (json == NULL)
		return TASK_SUCCESS;

	/* checked here, where the task can be blamed; its text is kept */
	if (!sdk_is_json(json, strlen(json), &error))
		return sdk_set_error(self, TASK_FAILURE, EXC_TYPE,
							 sdk_format("%s() returned invalid JSON: %s",
										self->input->name, error.text));
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
