/*
 * sent.c
 *		What a task sends: other tasks, and what is to replace it.
 */
#include "sdk/sent.h"

#include <stdlib.h>

#include "sdk/shared.h"

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
bool
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

bool
sdk_send_signature(task *t, const char *signature)
{
	return sdk_add_sent(sdk_task(t), "send", sdk_parse_signature(signature));
}

bool
sdk_add_to_chord(task *t, const char *signature)
{
	return sdk_add_sent(sdk_task(t), "add", sdk_parse_signature(signature));
}

task_status
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
