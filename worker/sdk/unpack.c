/*
 * unpack.c
 *		The arguments of a task, by jansson's formats.
 */
#include "sdk/unpack.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/shared.h"

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
bool
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
